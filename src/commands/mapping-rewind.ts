/** `millrace mapping rewind` (contract.md, "Acting on a running system"). */
import { Command } from 'commander';
import { planRewind, rewind, type RewindPlan } from '../daemon/rewinding.ts';
import { MillraceError } from '../errors.ts';
import { requireConfig } from '../mapping/require-config.ts';
import { parseTimestamp } from '../mapping/syntax.ts';
import type { MappingConfig } from '../mapping/types.ts';
import { silentLog } from '../observe/log.ts';
import { parsePosition, previousId } from '../record.ts';
import { checkServer, connectRedis, disconnect } from '../redis/connect.ts';
import { Keys } from '../redis/keys.ts';
import { createReader } from '../redis/reader.ts';
import type { RewindTo } from '../source/port.ts';
import { checkpointBefore, positionAfter, sequenceNumberOf } from '../spool.ts';
import { systemClock } from '../time.ts';
import { mappingNamed } from './mapping-target.ts';
import { count } from './status-words.ts';

interface Options {
  readonly config: string;
  readonly to: string;
  readonly shard?: string;
  readonly yes?: boolean;
}

const SHARDS_SHOWN = 20;

const HELP = `
  $ millrace mapping rewind clicks --to 2026-11-01T06:00:00Z           how many records would run again
  $ millrace mapping rewind clicks --to 2026-11-01T06:00:00Z --yes     do it
  $ millrace mapping rewind orders --to 1200 --shard orders-3 --yes    from an offset of a Kafka topic
  $ millrace mapping rewind clicks --to TRIM_HORIZON --yes             everything that is still there

The position is inclusive. Without --shard every shard goes back, also those that were split or merged since, and children
wait for their parents again; with it only that one, no earlier than its first record. A turn that is at work is fenced:
what it does is not settled, and its records run again with the others. The age of records counts from the rewind.
Outputs of what runs again carry the next generation in their origin. \`settled.redelivered\` in \`millrace status --json\`
counts what runs again. Of a Kafka topic records are counted by their offsets, so there may be fewer.`;

export function mappingRewindCommand(): Command {
  return new Command('rewind')
    .description('Run settled records again, from a time or a position on.')
    .argument('<MAPPING>')
    .requiredOption('--to <POSITION>', 'a time (ISO 8601), a sequence number, or TRIM_HORIZON')
    .option('--shard <SHARD>', 'only this shard')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--yes', 'do it; without it, say how many records would run again')
    .addHelpText('after', HELP)
    .action((name: string, options: Options) => rewindCommand(name, options));
}

async function rewindCommand(name: string, options: Options): Promise<void> {
  const config = requireConfig(options.config, process.env);
  const mapping = mappingNamed(config, name);
  const to = parseTo(options.to, mapping, options.shard);
  const redis = await connectRedis(config.redis, { role: 'cli' });
  const reader = createReader(config.redis, { log: silentLog, redis });
  try {
    if (options.yes) await checkServer(redis);
    const deps = { redis, reader, keys: new Keys(config.namespace), log: silentLog, clock: systemClock };
    const act = { mapping, to, text: options.to, shardId: options.shard };
    const plan = await planRewind(deps, act);
    if (!options.yes) {
      process.stdout.write(wouldRun(mapping, plan, options.to));
      process.exitCode = 1;
      return;
    }
    const records = await rewind(deps, act, plan);
    process.stdout.write(`${name}: ${upTo(mapping)}${count(records, 'record')} run again from ${options.to} on\n`);
  } finally {
    await reader.close();
    disconnect(redis);
  }
}

function parseTo(text: string, { name, source }: MappingConfig, shard: string | undefined): RewindTo {
  if (text === 'TRIM_HORIZON') return { kind: 'TRIM_HORIZON' };
  const timestampMs = text.includes('T') ? parseTimestamp(text) : undefined;
  if (timestampMs !== undefined) return { kind: 'AT_TIMESTAMP', timestampMs };
  if (source.type === 'kafka' && /^\d{1,15}$/.test(text)) {
    if (shard !== undefined) return { kind: 'BEHIND', checkpoint: checkpointBefore(Number(text)) };
    throw new MillraceError('usage', `offset ${text} of which partition of ${source.topic}?`, {
      hint: `name it: millrace mapping rewind ${name} --to ${text} --shard ${source.topic}-0`,
    });
  }
  const id = source.type === 'redis-stream' ? parsePosition(text) : undefined;
  if (id !== undefined) return { kind: 'BEHIND', checkpoint: previousId(id) };
  const position =
    source.type === 'kafka' ? 'an offset (1200)' : 'a sequence number (as status has it, or 1732370000000-3)';
  throw new MillraceError('usage', `--to "${text.slice(0, 100)}" is no position of mapping ${name}`, {
    hint: `give a time with its zone (2026-11-01T06:00:00Z), ${position}, or TRIM_HORIZON`,
  });
}

/** Not every offset has a record. */
function upTo({ source }: MappingConfig): string {
  return source.type === 'kafka' ? 'up to ' : '';
}

function wouldRun(mapping: MappingConfig, { shards, records }: RewindPlan, to: string): string {
  const again = shards.filter(({ kind }) => kind !== 'child');
  const lines = again.slice(0, SHARDS_SHOWN).map((shard) => {
    const first = shard.first === null ? String(positionAfter(shard.checkpoint)) : sequenceNumberOf(shard.first, false);
    return `  ${shard.shardId}: ${upTo(mapping)}${count(shard.records + shard.above, 'record')} from ${first} on\n`;
  });
  const more = again.length > SHARDS_SHOWN ? `  and ${again.length - SHARDS_SHOWN} more shards\n` : '';
  const children = shards.length - again.length;
  const wait = children === 0 ? '' : `  ${count(children, 'shard')} would wait for their parents meanwhile\n`;
  return (
    `${mapping.name}: ${upTo(mapping)}${count(records, 'record')} of ${count(again.length, 'shard')} would run again from ` +
    `${to} on; repeat with --yes to do it.\n${lines.join('')}${more}${wait}`
  );
}
