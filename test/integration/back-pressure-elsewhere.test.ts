/** Who writes to a stream of another Redis waits for the mappings that read it there, on two real servers. */
import { stringify } from 'yaml';
import { expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { Keys } from '../../src/redis/keys.ts';
import { configDir, eventually, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

const own = useRedis();
const west = useRedis();
const keys = new Keys('millrace');

const HANDLER = `
export const forward = async (event) => ({ output: event.Records.map((record) => ({
  itemIdentifier: record.kinesis.sequenceNumber, data: record.kinesis.data })) });
export const sink = async () => undefined;
`;

async function world(redis: string, handler: string, mappings: object, connections: object = {}) {
  const yaml = stringify({ redis, connections, functions: { f: { code: 'handler.mjs', handler } }, mappings });
  const config = `${await configDir({ 'millrace.yaml': yaml, 'handler.mjs': HANDLER })}/millrace.yaml`;
  return {
    start: () => startTestDaemon({ config, env: { MILLRACE_CACHE: TEST_CACHE }, args: [] }),
    cli: (...args: readonly string[]) => run(MILLRACE, [...args, '-c', config]),
  };
}

/** Two daemons, a thousand records at a hundred per look, and the pause that shows that nothing comes. */
const PATIENT = { timeout: 120_000 };
const patiently = <T>(ask: () => Promise<T>, enough: (answer: T) => boolean, what: string) =>
  eventually(ask, enough, { withinMs: 60_000, everyMs: 25, what });

test(
  'a mapping waits for the one that reads its stream on the other server, and goes on when that does',
  PATIENT,
  async () => {
    const common = { function: 'f', startingPosition: 'TRIM_HORIZON', batchSize: 25 };
    await west.client.xadd('out', '*', 'partitionKey', 'k', 'data', 'first');
    const reads = await world(west.url, 'sink', {
      reader: { ...common, source: { type: 'redis-stream', stream: 'out' } },
    });
    const writes = await world(
      own.url,
      'forward',
      {
        m: {
          ...{ ...common, source: { type: 'redis-stream', stream: 'in' } },
          output: { type: 'redis-stream', connection: 'west', stream: 'out', maxUnsettled: 100 },
        },
      },
      { west: { type: 'redis', url: west.url } },
    );
    const reader = async () => (await collectStatus(west.client, keys)).mappings.find(({ name }) => name === 'reader');
    const writer = async () => (await collectStatus(own.client, keys)).mappings.find(({ name }) => name === 'm');
    const succeeded = (now: Awaited<ReturnType<typeof reader>>) => now?.shards[0]?.settled.succeeded ?? 0;

    const daemons = [reads.start(), writes.start()];
    await patiently(reader, (now) => succeeded(now) === 1, 'the reader reads');
    expect((await reads.cli('mapping', 'pause', 'reader')).code).toBe(0);
    for (let n = 0; n < 1_000; n++) await own.client.xadd('in', '*', 'partitionKey', `${n}`, 'data', `${n}`);

    const waiting = await patiently(writer, (now) => now?.output?.waitsFor === 'reader', 'it waits for the reader');
    expect(waiting!.output!.unsettled).toBeGreaterThanOrEqual(100);
    const sentIn = async (ms: number) => {
      const before = await west.client.xlen('out');
      await new Promise((resolve) => setTimeout(resolve, ms));
      return (await west.client.xlen('out')) - before;
    };
    await patiently(
      () => sentIn(1_500),
      (more) => more === 0,
      'nothing comes any more',
    );
    expect(await west.client.xlen('out')).toBeLessThan(1_001);
    expect((await writes.cli('status')).stdout).toContain('waits for reader');

    expect((await reads.cli('mapping', 'resume', 'reader')).code).toBe(0);
    await patiently(reader, (now) => succeeded(now) === 1_001, 'all of it settled');
    await patiently(writer, (now) => now?.output?.unsettled === 0, 'nothing is unsettled');
    for (const daemon of daemons) expect(await daemon.stop()).toBe(0);
  },
);
