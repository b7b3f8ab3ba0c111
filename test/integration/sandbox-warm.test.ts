/** Warm as in Lambda: what stays in a process, and what ends it. */
import { expect, describe, test } from 'vitest';
import { errorOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();

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
