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

interface Verb {
  readonly name: 'pause' | 'resume';
  readonly description: string;
  readonly help: string;
  readonly change: typeof pauseMapping;
  /** What became of the shards that it changed, and what is said when there are none. */
  readonly done: string;
  readonly nothing: string;
}

export function mappingPauseCommand(): Command {
  return toCommand({
    ...{ name: 'pause', description: 'Finish what is in flight, then let nothing run and nothing expire.' },
    ...{ help: PAUSE_HELP, change: pauseMapping },
    ...{ done: 'paused', nothing: 'nothing was running that is not paused already' },
  });
}

export function mappingResumeCommand(): Command {
  return toCommand({
    ...{ name: 'resume', description: 'Let what was paused run again.' },
    ...{ help: RESUME_HELP, change: resumeMapping },
    ...{ done: 'running again', nothing: 'nothing was paused' },
  });
}

function toCommand({ name, description, help, change, done, nothing }: Verb): Command {
  return addTargetOptions(new Command(name))
    .description(description)
    .argument('<MAPPING>')
    .option('--shard <SHARD>', 'only this shard')
    .addHelpText('after', help)
    .action(async (mapping: string, options: Options) => {
      const { shard } = options;
      const changed = await withRedis(options, { writes: true }, (redis, keys) =>
        change({ redis, keys, log: silentLog }, mapping, shard),
      );
      const what = shard === undefined ? count(changed, 'shard') : shard;
      process.stdout.write(changed === 0 ? `${mapping}: ${nothing}\n` : `${mapping}: ${what} ${done}\n`);
    });
}
