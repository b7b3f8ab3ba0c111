/** Filters where records expire without a turn, and where the source loses some of a unit that waits. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { type World, world } from '../support/engine.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const KEEP = { filterCriteria: { filters: [{ pattern: { data: { keep: [true] } } }] } };

/** `-` is not kept; ids by `at`, else those that Redis gives. */
async function put(w: World, marks: string, at?: (i: number) => number): Promise<string[]> {
  const pipeline = w.redis.pipeline();
  [...marks].forEach((mark, i) => {
    const id = at === undefined ? '*' : `${at(i)}-${i}`;
    pipeline.xadd('s', id, 'data', JSON.stringify({ keep: mark !== '-' }));
  });
  return ((await pipeline.exec()) ?? []).map(([, id]) => String(id));
}

const counted = (w: World, counts: Record<string, string>) =>
  eventually(
    () => w.state(),
    (s) => Object.entries(counts).every(([name, n]) => (s[`n:${name}`] ?? '0') === n),
    { what: JSON.stringify(counts), withinMs: 40_000 },
  );

describe('what a filter passes over', () => {
  test(
    'is passed without executors too, and what it lets through expires at its age',
    { timeout: 60_000 },
    async () => {
      const handler = 'export const handler = async () => {};';
      const w = await world(redis, { handler, mapping: { ...KEEP, maximumRecordAgeInSeconds: 60, batchSize: 2 } });
      const now = Date.now();
      const ids = await put(w, '--a-bc-d--', (i) => now - 70_000 + i);
      await put(w, '-e-', (i) => now - 55_000 + i);
      await w.start(['--role', 'poller']).ready;
      await counted(w, { expired: '5', filtered: '8', lostBySource: '0' });
      expect(await w.state()).toMatchObject({ read: '13', units: '[]' });
      const notices = (await w.notices()).map((n) => [n.requestContext.condition, n.KinesisBatchInfo.batchSize]);
      // At most a batch in a notice, and only records that were for the function.
      expect(notices.map(([condition]) => condition)).toEqual(notices.map(() => 'RecordAgeExceeded'));
      expect(notices.map(([, size]) => Number(size)).reduce((sum, n) => sum + n, 0)).toBe(5);
      const payloads = (await w.notices()).flatMap(
        (n) => (JSON.parse(n.payload!) as { Records: { kinesis: { data: string } }[] }).Records,
      );
      expect(payloads.map(({ kinesis }) => atob(kinesis.data))).toEqual(payloads.map(() => '{"keep":true}'));
      expect(ids).toHaveLength(10);
    },
  );

  test(
    'may be lost from a unit that waits: only a record for the function is a loss',
    { timeout: 60_000 },
    async () => {
      const failing = `export const handler = async () => { throw new Error('not yet'); };`;
      const w = await world(redis, { handler: failing, mapping: KEEP });
      const ids = await put(w, '-a-b--c-d-');
      w.start();
      await eventually(
        () => w.state(),
        (s) => s['blk'] !== undefined && s['blk'] !== '',
        { what: 'the unit failed', withinMs: 30_000 },
      );
      expect(JSON.parse((await w.state())['units']!)).toMatchObject([{ count: 4, passes: { count: 5 } }]);
      // One that was passed over, and one of the function's.
      await w.redis.xdel('s', ids[5]!, ids[6]!);
      await writeFile(path.join(w.dir, 'handler.mjs'), 'export const handler = async () => {};');
      await w.start().ready;
      await counted(w, { succeeded: '3', lostBySource: '1', filtered: '6' });
      expect(await w.state()).toMatchObject({ cp: ids.at(-1), read: '10', units: '[]' });
      expect((await w.notices()).map((n) => [n.requestContext.condition, n.KinesisBatchInfo.batchSize])).toEqual([
        ['SourceGap', 1],
      ]);
      // And what comes later is no loss.
      const more = await put(w, '-e');
      await counted(w, { succeeded: '4', lostBySource: '1', filtered: '7' });
      expect(await w.state()).toMatchObject({ cp: more.at(-1), read: '12' });
    },
  );

  test(
    'may be trimmed before it was read: a gap, because nobody can say what it was',
    { timeout: 60_000 },
    async () => {
      const w = await world(redis, { handler: 'export const handler = async () => {};', mapping: KEEP });
      const first = w.start();
      await put(w, '-a-');
      await counted(w, { succeeded: '1', filtered: '2' });
      expect(await first.stop()).toBe(0);
      await put(w, '--b--');
      await w.redis.xtrim('s', 'MAXLEN', 2);
      await put(w, 'c-');
      w.start();
      await counted(w, { succeeded: '2', filtered: '5', lostBySource: '3' });
      expect(await w.state()).toMatchObject({ read: '10', units: '[]' });
    },
  );
});
