/**
 * Every way of dying of memory is reported as Runtime.OutOfMemory, with the figures. MILLRACE_REPEAT=50 runs each so often: which of V8's ways out of
 * memory is taken differs from run to run.
 */
import { describe, expect, test } from 'vitest';
import { rssOf } from '../../src/sandbox/memory.ts';
import { childrenOf } from '../support/children.ts';
import { errorOf, useSandbox } from '../support/sandbox.ts';

const REPEATS = Number(process.env.MILLRACE_REPEAT ?? 1);
const box = useSandbox({ spares: 1, lossesAtOnce: 1_000 });
const MEMORY = { memorySizeMb: 64, timeoutMs: 120_000 };
/** On a full machine the collector of a child that gives way takes its time; what the sandbox itself allows ends before. */
const WITHIN_MS = 150_000;

const WAYS: readonly (readonly [name: string, body: string])[] = [
  ['arrays of numbers', 'const a = []; for (;;) a.push(new Array(1e4).fill(1.5));'],
  ['small objects', 'let o = null; for (;;) o = { o, a: 1, b: 2 };'],
  ['a map', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, { i });'],
  ['strings of one byte', 'const s = []; for (let i = 0; ; i++) s.push("x".repeat(1e5) + i);'],
  [
    'flattened ropes',
    'const s = []; for (;;) { let t = ""; for (let i = 0; i < 1e5; i++) t += i % 10; s.push(Number(t.charCodeAt(5e4)), t); }',
  ],
  ['closures', 'const f = []; for (let i = 0; ; i++) f.push(() => i);'],
  ['one array that grows', 'const a = [1.5]; for (;;) a.push(...a.slice(0, 1e4));'],
  ['promises', 'const p = []; for (;;) p.push(Promise.resolve().then(() => p));'],
  [
    'JSON',
    'const v = []; const t = JSON.stringify(Array.from({ length: 1e4 }, (_, i) => ({ i }))); for (;;) v.push(JSON.parse(t));',
  ],
  ['nested JSON', 'return JSON.parse("[".repeat(2e7) + "]".repeat(2e7));'],
  ['timers', 'for (;;) setTimeout(() => {}, 1e6);'],
  ['after a wait', 'await new Promise((r) => setTimeout(r, 5)); const a = []; for (;;) a.push({ a });'],
  ['in a timer', 'await new Promise(() => setTimeout(() => { const a = []; for (;;) a.push({ a }); }, 5));'],
  ['in toJSON', 'return { toJSON() { const a = []; for (;;) a.push({ a }); } };'],
  ['in an error’s getter', 'throw { get name() { const a = []; for (;;) a.push({ a }); } };'],
  ['caught', 'const a = []; for (;;) try { for (;;) a.push(new Array(1e4).fill({})); } catch {}'],
];

describe('dying of memory', () => {
  test.each(WAYS)('%s', { timeout: WITHIN_MS * REPEATS }, async (_name, body) => {
    for (let i = 0; i < REPEATS; i++) {
      const { metric, error, report } = errorOf(
        await box.once(`exports.handler = async () => { ${body} }`, {}, MEMORY),
      );
      expect([metric, error.errorType, error.errorMessage]).toEqual([
        'out_of_memory',
        'Runtime.OutOfMemory',
        expect.any(String),
      ]);
      expect(error.errorMessage).toMatch(/^RequestId: \S+ Error: .*\((\d+) MB used, memorySize is 64 MB\)$/);
      const used = Number(/\((\d+) MB used/.exec(error.errorMessage)![1]);
      expect(used).toBeGreaterThanOrEqual(64);
      // AWS's REPORT shows at least the memory size then.
      expect(report.maxMemoryUsedMb).toBeGreaterThanOrEqual(64);
      expect(error.trace).toEqual([]);
    }
  });

  test('while loading', { timeout: WITHIN_MS * REPEATS }, async () => {
    for (let i = 0; i < REPEATS; i++) {
      const { metric, error } = errorOf(await box.once('const a = []; for (;;) a.push({ a });', {}, MEMORY));
      expect([metric, error.errorType]).toEqual(['out_of_memory', 'Runtime.OutOfMemory']);
    }
  });

  test('killed by the system when it had nearly all it was promised', { timeout: WITHIN_MS * REPEATS }, async () => {
    for (let i = 0; i < REPEATS; i++) {
      const fills = box.version(
        `const kept = []; exports.handler = async () => {
          for (let i = 0; i < 240; i++) kept.push(new Array(2 ** 17).fill(1.5));
          await new Promise((r) => setTimeout(r, 60000)); }`,
        { memorySizeMb: 256, timeoutMs: 60_000 },
      );
      const running = box.invoke(fills);
      let grown: number | undefined;
      while (grown === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        grown = childrenOf(process.pid).find((pid) => rssOf(pid) > 290 * 2 ** 20);
      }
      // Long enough for the next look at its memory.
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.kill(grown, 'SIGKILL');
      expect(errorOf(await running)).toMatchObject({
        metric: 'out_of_memory',
        error: { errorType: 'Runtime.OutOfMemory' },
      });
    }
  });
});
