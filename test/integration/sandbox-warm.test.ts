/** Warm as in Lambda: what stays in a process, what ends it, and which process is whose. */
import { expect, describe, test } from 'vitest';
import { childrenOf } from '../support/children.ts';
import { eventually } from '../support/daemon.ts';
import { errorOf, useRuntime } from '../support/runtime.ts';
import { makeSandbox, resultOf, type TestSandbox } from '../support/sandbox.ts';

const box = useRuntime();
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

describe('module state', () => {
  const code = `let n = 0; exports.handler = (event, context, callback) => {
    n++;
    if (event.does) return new Function('callback', 'context', event.does)(callback, context);
    callback(null, n);
  }`;

  test.each([
    ['a success', 'return Promise.resolve(1)'],
    ['a throw', 'throw new Error("x")'],
    ['a rejection', 'return Promise.reject(new Error("x"))'],
    ['callback(error)', 'callback(new Error("x"))'],
    ['a throw of nothing', 'throw undefined'],
    ['a result that is no JSON', 'return Promise.resolve(1n)'],
    ['a result that is too large', 'return Promise.resolve("x".repeat(7e6))'],
  ])('stays after %s', async (_name, does) => {
    const version = box.version(code, { memorySizeMb: 128 });
    await box.invoke(version, { does });
    const { outcome } = await box.invoke(version);
    expect(outcome).toMatchObject({ kind: 'ok', result: '2' });
    expect(outcome).not.toHaveProperty('report.initDurationMs');
  });

  test.each([
    [
      'an exception in a timer',
      'setTimeout(() => { throw new Error("x") }, 1); return new Promise((r) => setTimeout(r, 2000))',
    ],
    ['an unhandled rejection', 'Promise.reject(new Error("x")); return Promise.resolve(1)'],
    ['process.exit', 'process.exit(1)'],
    ['a promise that can never settle', 'return new Promise(() => {})'],
    ['a timeout', 'for (;;);'],
    ['the end of its memory', 'const a = []; for (;;) a.push(new Array(1e5).fill(1.5))'],
  ])('is gone after %s', { timeout: 60_000 }, async (name, does) => {
    const version = box.version(code, name === 'a timeout' ? { timeoutMs: 500 } : { timeoutMs: 50_000 });
    errorOf(await box.invoke(version, { does }));
    const { outcome } = await box.invoke(version);
    expect(outcome).toMatchObject({
      kind: 'ok',
      result: '1',
      report: { initDurationMs: expect.any(Number) as number },
    });
  });
});

describe('processes', () => {
  test('of two versions live side by side; those of the older one end soon', { timeout: 40_000 }, () =>
    withSandbox({}, async (sandbox) => {
      const before = childrenOf(process.pid);
      const mine = () => childrenOf(process.pid).filter((pid) => !before.includes(pid)).length;
      const older = sandbox.version(COUNTS, { name: 'same' });
      const newer = sandbox.version(COUNTS, { name: 'same' });
      for (const n of [1, 2]) for (const one of [older, newer]) expect(resultOf(await sandbox.invoke(one))).toBe(n);
      expect(mine()).toBe(2);
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
