/** `millrace mapping pause | resume` (contract.md, "Acting on a running system"). */
import { Command } from 'commander';
import { pauseMapping, resumeMapping } from '../daemon/pausing.ts';
import { silentLog } from '../observe/log.ts';
import { count } from './status-words.ts';
import { addTargetOptions, TARGET_HELP, type TargetOptions, withRedis } from './stream-target.ts';

interface Options extends TargetOptions {
  readonly shard?: string;
}

const PAUSE_HELP = `
  $ millrace mapping pause clicks
  $ millrace mapping pause clicks --shard shardId-000000000002

What is in flight is finished and settled; then no attempt begins, positions stay and nothing expires, whatever becomes of
the daemons meanwhile. \`millrace status\` says paused, and under OWNER who still has something in flight. The time does
not count towards the age of records. Without --shard, shards that appear later are paused, too.
${TARGET_HELP}`;

const RESUME_HELP = `
  $ millrace mapping resume clicks

Every shard goes on where it was; a failed unit is tried again at its time. Harmless for what is not paused. A mapping that
is disabled in the configuration (enabled: false) is resumed there.
${TARGET_HELP}`;

export function mappingPauseCommand(): Command {
  return verb('pause', 'Finish what is in flight, then let nothing run and nothing expire.', PAUSE_HELP).action(
    async (name: string, options: Options) => {
      const { shard } = options;
      const changed = await act(options, (redis, keys) => pauseMapping({ redis, keys, log: silentLog }, name, shard));
      say(name, options, changed, 'paused', 'nothing was running that is not paused already');
    },
  );
}

export function mappingResumeCommand(): Command {
  return verb('resume', 'Let what was paused run again.', RESUME_HELP).action(
    async (name: string, options: Options) => {
      const { shard } = options;
      const changed = await act(options, (redis, keys) => resumeMapping({ redis, keys, log: silentLog }, name, shard));
      say(name, options, changed, 'running again', 'nothing was paused');
    },
  );
}

function verb(name: string, description: string, help: string): Command {
  return addTargetOptions(new Command(name))
    .description(description)
    .argument('<MAPPING>')
    .option('--shard <SHARD>', 'only this shard')
    .addHelpText('after', help);
}

function act(options: Options, work: Parameters<typeof withRedis<number>>[2]): Promise<number> {
  return withRedis(options, { writes: true }, work);
}

function say(name: string, { shard }: Options, changed: number, done: string, otherwise: string): void {
  const what = shard === undefined ? count(changed, 'shard') : shard;
  process.stdout.write(changed === 0 ? `${name}: ${otherwise}\n` : `${name}: ${what} ${done}\n`);
}
