/** `millrace mapping skip` (contract.md, "Acting on a running system"). */
import { Command } from 'commander';
import { cacheDirOf, loadFunctions } from '../daemon/functions.ts';
import { planSkip, skip, type SkipAct, type SkipPlan, type SkipWhat } from '../daemon/skipping.ts';
import { MillraceError } from '../errors.ts';
import { requireConfig } from '../mapping/require-config.ts';
import type { MappingConfig } from '../mapping/types.ts';
import { silentLog } from '../observe/log.ts';
import { SKIP_RECORDS_MAX } from '../operator-limits.ts';
import { type EntryId, parsePosition } from '../record.ts';
import { checkServer, connectRedis, disconnect } from '../redis/connect.ts';
import { Keys } from '../redis/keys.ts';
import { createReader } from '../redis/reader.ts';
import { sequenceNumberOf, spoolId } from '../spool.ts';
import { systemClock } from '../time.ts';
import { mappingNamed } from './mapping-target.ts';
import { count } from './status-words.ts';
import { wholeNumber } from './stream-target.ts';

interface Options {
  readonly config: string;
  readonly shard: string;
  readonly records?: number;
  readonly to?: string;
  readonly yes?: boolean;
}

const HELP = `
  $ millrace mapping skip clicks --shard shardId-000000000000                what would be skipped
  $ millrace mapping skip clicks --shard shardId-000000000000 --yes          the record that blocks the shard
  $ millrace mapping skip clicks --shard shardId-000000000000 --records 5 --yes
  $ millrace mapping skip orders --shard orders-3 --to 1200 --yes            all up to an offset of a Kafka partition

Skipped records leave a failure notice (SkippedByOperator) where those that expire leave theirs, with the event, so that
millrace failures redrive runs them later. Without --records and --to it is the first record of what blocks the shard; of
a batch that fails as a whole that need not be the one that is wrong. The end of a window that blocks the shard, or is in
the way, is skipped, too. With --to the same command may be repeated: what is
settled is not skipped. A turn at work is fenced, its records run again but for those that are skipped. A paused shard
stays paused.`;

export function mappingSkipCommand(): Command {
  return new Command('skip')
    .description('Give up the records at the head of a shard, with failure notices.')
    .argument('<MAPPING>')
    .requiredOption('--shard <SHARD>', 'of this shard')
    .option('--records <N>', `so many records at its head, at most ${SKIP_RECORDS_MAX}`, wholeNumber)
    .option('--to <SEQUENCE>', 'all up to this sequence number, inclusive')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--yes', 'do it; without it, say what would be skipped')
    .addHelpText('after', HELP)
    .action((name: string, options: Options) => skipCommand(name, options));
}

async function skipCommand(name: string, options: Options): Promise<void> {
  const config = requireConfig(options.config, process.env);
  const mapping = mappingNamed(config, name);
  const what = parseWhat(mapping, options);
  const versions = await loadFunctions(config, cacheDirOf(config));
  const redis = await connectRedis(config.redis, { role: 'cli' });
  const reader = createReader(config.redis, { log: silentLog, redis });
  try {
    if (options.yes) await checkServer(redis);
    const deps = { redis, reader, keys: new Keys(config.namespace), log: silentLog, clock: systemClock };
    const act: SkipAct = { mapping, version: versions.get(mapping.function)!, shardId: options.shard, what };
    const plan = await planSkip(deps, act);
    if (!options.yes) {
      process.stdout.write(wouldSkip(name, plan, what));
      process.exitCode = 1;
      return;
    }
    const { records, closings } = await skip(deps, act, plan);
    const last = sequenceNumberOf(plan.last, plan.settings.spooled);
    const ends = closings === 0 ? '' : ` and ${count(closings, 'end')} of windows`;
    process.stdout.write(`${name}/${options.shard}: ${count(records, 'record')}${ends} skipped, up to ${last}\n`);
  } finally {
    await reader.close();
    disconnect(redis);
  }
}

function parseWhat(mapping: MappingConfig, { records, to }: Options): SkipWhat {
  if (records !== undefined && to !== undefined)
    throw new MillraceError('usage', '--records and --to say two things', { hint: 'give one of them' });
  if (to !== undefined) return { to: parseTo(mapping, to) };
  if (records === undefined) return 'blocked';
  if (records >= 1 && records <= SKIP_RECORDS_MAX) return { records };
  throw new MillraceError('usage', `--records ${records} is not from 1 to ${SKIP_RECORDS_MAX}`, {
    hint: 'skip more in parts',
  });
}

function parseTo({ name, source }: MappingConfig, text: string): EntryId {
  if (source.type === 'kafka' && /^\d{1,15}$/.test(text)) return spoolId(Number(text));
  const id = source.type === 'redis-stream' ? parsePosition(text) : undefined;
  if (id !== undefined) return id;
  const position = source.type === 'kafka' ? 'an offset (1200)' : 'as status has it, or 1732370000000-3';
  throw new MillraceError('usage', `--to "${text.slice(0, 100)}" is no sequence number of mapping ${name}`, {
    hint: `give a sequence number: ${position}`,
  });
}

function wouldSkip(name: string, plan: SkipPlan, what: SkipWhat): string {
  const { settings, shard, records, first, last, inUnit, lane } = plan;
  const at = (id: EntryId) => sequenceNumberOf(id, settings.spooled);
  if (plan.closing !== null)
    return `${name}/${shard.shardId}: the end of a window would be skipped, behind ${at(last)}; repeat with --yes to do it.\n`;
  const where = records === 1 ? at(first) : `${at(first)} to ${at(last)}`;
  const more =
    what === 'blocked' && inUnit > 1
      ? `  It is the first of ${count(inUnit, 'record')} that fail together; --records ${inUnit} skips them all.\n`
      : '';
  return `${name}/${shard.shardId}: ${count(records, 'record')}${lane ? ` of lane ${lane.index}` : ''} would be skipped, ${where}; repeat with --yes to do it.\n${more}`;
}
