/** R23: one shard always has work, thousands are idle but for a record now and then: none of these waits longer than twice its fair share. */
import { expect, test } from 'vitest';
import { createStream } from '../../connectors/redis-stream/manage.ts';
import { shardIdOf } from '../../src/record.ts';
import { eventually, type TestDaemon } from '../support/daemon.ts';
import { add, type World, world } from '../support/engine.ts';
import { fillShard } from '../support/fill-shard.ts';
import { useRedis } from '../support/redis.ts';
import { percentile } from './check-liveness.ts';
import { pause } from './lab/lab.ts';
import { Random } from './lab/random.ts';
import { seedOf, timesOf } from './lab/report.ts';

/** `npm run chaos -- --times 20 r23` has 10,000 and 800. */
const SHARDS = 500;
const RECORDS = 40;
const PER_SECOND = 10;
const BATCH = 10;
const BATCH_MS = 20;
/** Of the hot shard, for each record of a cold one: more than it can do meanwhile. */
const HOT_PER_RECORD = 100;
/**
 * One turn at a time, so that a record has to wait for the hot shard. Its fair share of waiting is one turn of that one: as many batches as begin
 * within it. They are counted, not timed: where the machine is slow, all of them are.
 */
const CONCURRENCY = '1';
/** As promised, not as QUANTUM_MS has it. */
const TURN_MS = 200;
const BATCHES_PER_TURN = TURN_MS / BATCH_MS;
const BATCHES_MAX = 2 * BATCHES_PER_TURN;
const HANDLER = `
export const handler = async (event, context) => {
  const { shardId } = context.millrace;
  const arrivedMs = event.Records.map((record) => Number(record.kinesis.sequenceNumber.slice(0, 13)));
  console.log(JSON.stringify({ shardId, nowMs: Date.now(), arrivedMs }));
  if (shardId === '${shardIdOf(0)}') await new Promise((resolve) => setTimeout(resolve, ${BATCH_MS}));
};`;

interface Run {
  readonly shardId: string;
  readonly nowMs: number;
  readonly arrivedMs: readonly number[];
}

const redis = useRedis();

function runsIn({ lines }: TestDaemon, hot: boolean): Run[] {
  return lines
    .filter((line) => line['stream'] === 'handler' && line.msg.startsWith('{'))
    .map(({ msg }) => JSON.parse(msg) as Run)
    .filter(({ shardId }) => (shardId === shardIdOf(0)) === hot);
}

const recordsOf = (runs: readonly Run[]): number => runs.reduce((sum, { arrivedMs }) => sum + arrivedMs.length, 0);

/** The same records each time, at the same times; how long each waited for its run, ms, ascending, and during how many batches of the hot shard. */
async function trickle({ keys }: World, daemon: TestDaemon): Promise<{ waits: number[]; batches: number[] }> {
  const random = new Random(seedOf(123));
  const before = runsIn(daemon, false).length;
  const recordsBefore = recordsOf(runsIn(daemon, false));
  for (let sent = 0; sent < timesOf(RECORDS); sent++) {
    const shardId = shardIdOf(random.between(1, timesOf(SHARDS) - 1));
    await add(redis.client, keys.streamShard('s', shardId), ['cold']);
    await pause((2 * random.next() * 1_000) / PER_SECOND);
  }
  const count = (): number => recordsOf(runsIn(daemon, false)) - recordsBefore;
  await eventually(count, (n) => n === timesOf(RECORDS), { withinMs: 60_000, what: 'each record ran' });
  const hot = runsIn(daemon, true).map(({ nowMs }) => nowMs);
  const cold = runsIn(daemon, false).slice(before);
  const each = cold.flatMap(({ nowMs, arrivedMs }) => arrivedMs.map((from) => ({ from, to: nowMs })));
  const ascending = (values: number[]): number[] => values.sort((a, b) => a - b);
  return {
    waits: ascending(each.map(({ from, to }) => to - from)),
    batches: ascending(each.map(({ from, to }) => hot.filter((at) => at > from && at < to).length)),
  };
}

test('R23: a hot shard among 500', { timeout: 600_000 }, async () => {
  const w = await world(redis, { handler: HANDLER, mapping: { batchSize: BATCH } });
  await createStream(redis.client, w.keys, 's', { shards: timesOf(SHARDS), retentionHours: 24 });
  const daemon = w.start(['--concurrency', CONCURRENCY]);
  await daemon.ready;
  const last = w.keys.streamShard('s', shardIdOf(timesOf(SHARDS) - 1));
  await add(redis.client, last, ['first']);
  await eventually(
    () => runsIn(daemon, false).length,
    (n) => n > 0,
    { withinMs: 120_000, what: 'all shards are watched' },
  );

  const alone = await trickle(w, daemon);
  const hotKey = w.keys.streamShard('s', shardIdOf(0));
  const filled = timesOf(RECORDS) * HOT_PER_RECORD;
  await fillShard(redis.client, hotKey, 'k', ['hot'], filled);
  const hotRuns = (): number => runsIn(daemon, true).length;
  await eventually(hotRuns, (n) => n > BATCHES_PER_TURN, { what: 'the hot shard is at work' });
  const beside = await trickle(w, daemon);

  const told = ({ waits, batches }: { waits: readonly number[]; batches: readonly number[] }): string =>
    `p50 ${percentile(waits, 0.5)}, p99 ${percentile(waits, 0.99)}, at most ${waits.at(-1)} ms and ${batches.at(-1)} batches`;
  process.stdout.write(
    `R23: ${timesOf(RECORDS)} records in ${timesOf(SHARDS)} shards: ${told(alone)}; beside a hot one ${told(beside)}; its batches ${hotRuns()}\n`,
  );
  expect(recordsOf(runsIn(daemon, true))).toBeLessThan(filled);
  // Records did come while the hot shard had its turn.
  expect(beside.batches.at(-1)).toBeGreaterThan(0);
  expect(beside.batches.at(-1)).toBeLessThanOrEqual(BATCHES_MAX);
});
