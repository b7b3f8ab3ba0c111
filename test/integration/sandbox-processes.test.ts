/**
 * Which process is whose. Each test has a sandbox of its own and the file no other: its processes are counted, and another
 * sandbox here would put a process into its reserve while they are.
 */
import { expect, describe, test } from 'vitest';
import { childrenOf } from '../support/children.ts';
import { eventually } from '../support/daemon.ts';
import { makeSandbox, resultOf, type TestSandbox } from '../support/sandbox.ts';

const COUNTS = 'let n = 0; exports.handler = async () => ++n';

async function withSandbox<T>(
  options: Parameters<typeof makeSandbox>[0],
  run: (sandbox: TestSandbox) => Promise<T>,
): Promise<T> {
  const made = await makeSandbox({ spares: 0, ...options });
  try {
    return await run(made);
  } finally {
    await made.close();
  }
}

describe('processes', () => {
  test('of two versions live side by side; those of the older one end soon', { timeout: 40_000 }, () =>
    withSandbox({}, async (sandbox) => {
      const before = childrenOf(process.pid);
      const mine = () => childrenOf(process.pid).filter((pid) => !before.includes(pid)).length;
      const older = sandbox.version(COUNTS, { name: 'same' });
      const newer = sandbox.version(COUNTS, { name: 'same' });
      // That each counts on is what shows two of them; processes are not counted yet, for one that makes code caches may be there.
      for (const n of [1, 2]) for (const one of [older, newer]) expect(resultOf(await sandbox.invoke(one))).toBe(n);
      await eventually(mine, (n) => n === 1, { what: 'the older one ends' });
      expect(resultOf(await sandbox.invoke(newer))).toBe(3);
      expect(sandbox.sandbox.stats()).toMatchObject([{ function: 'same', version: newer.hash, children: 1 }]);
    }),
  );

  test('that are idle for too long end, and nobody’s loss is counted', () =>
    withSandbox({ idleMs: 200 }, async (sandbox) => {
      const before = childrenOf(process.pid);
      const version = sandbox.version(COUNTS);
      await sandbox.invoke(version);
      await eventually(
        () => childrenOf(process.pid).filter((pid) => !before.includes(pid)).length,
        (n) => n === 0,
        { what: 'it ends' },
      );
      expect(resultOf(await sandbox.invoke(version))).toBe(1);
      const [{ lost, lastLoss } = {}] = sandbox.sandbox.stats();
      expect([lastLoss, ...Object.values(lost!)]).toEqual([null, 0, 0, 0, 0, 0]);
    }));

  test('that are busy are never evicted: who has no place waits', () =>
    withSandbox({ childrenMax: 1, childrenPerFunction: 1 }, async (sandbox) => {
      const slow = sandbox.version(
        'exports.handler = async () => { await new Promise((r) => setTimeout(r, 800)); return "slow" }',
      );
      const running = sandbox.invoke(slow);
      await eventually(
        () => sandbox.sandbox.stats()[0]?.children,
        (n) => n === 1,
        { what: 'it runs' },
      );
      const others = [1, 2].map(() => sandbox.once('exports.handler = async () => "other"'));
      expect(resultOf(await running)).toBe('slow');
      for (const one of await Promise.all(others)) expect(resultOf(one)).toBe('other');
    }));
});
