/**
 * Memory where V8's limit does not reach: what lies outside of its heap, or is counted late. Some of it V8 refuses as an error of the function's
 * own; the rest is ended from outside, by resident size, and reported as running out of memory, never as a child that died somehow.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CHILD_OVERHEAD_MB } from '../../src/limits.ts';
import { errorOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();
const MEMORY_MB = 64;
/** Between two looks; on a quiet machine some tens of megabytes. */
const OVERSHOOT_MB = 256;
const MB = 1024 * 1024;

/** Highest resident size of any process that this one started. */
function watch(): () => number {
  let most = 0;
  const look = setInterval(() => {
    if (process.platform !== 'linux') return;
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
    for (const pid of children) {
      try {
        most = Math.max(most, Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096);
      } catch {
        // It ended between the two reads.
      }
    }
  }, 5);
  return () => {
    clearInterval(look);
    return most;
  };
}

describe('at the cap end', () => {
  test.each([
    ['small array buffers', 'const a = []; for (;;) a.push(new Uint8Array(64).fill(1))'],
    ['large array buffers', 'const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1))'],
    ['buffers of Node', 'const a = []; for (;;) a.push(Buffer.alloc(65536, 1))'],
    ['clones', 'const s = new Uint8Array(1 << 20).fill(1); const a = []; for (;;) a.push(structuredClone(s))'],
    ['answers of the host', 'const a = []; for (;;) a.push(require("crypto").randomBytes(65536))'],
    ['texts of two bytes', 'const s = []; for (let i = 0; ; i++) s.push(("漢".repeat(5e5) + i).normalize("NFD"))'],
    ['joined texts', 'const a = new Array(1e6).fill("abcdefgh"); const s = []; for (;;) s.push(a.join(""))'],
    [
      'date formats',
      'const a = []; for (;;) a.push(new Intl.DateTimeFormat("en", { dateStyle: "full", timeZone: "Europe/Berlin" }))',
    ],
    [
      'segmenters',
      'const t = "ab ".repeat(3e5), c = new Intl.Segmenter("th", { granularity: "word" }), a = []; for (;;) { const it = c.segment(t)[Symbol.iterator](); it.next(); a.push(it) }',
    ],
    [
      'durations',
      'if (!globalThis.Temporal) throw new RangeError("no Temporal"); const a = []; for (let i = 0; ; i++) a.push(new Temporal.Duration(i % 1000, 1, 1, 1))',
    ],
    ['maps', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, { i })'],
    ['promises', 'const a = []; for (;;) a.push(new Promise(() => {}).then(() => {}))'],
    [
      'stacks',
      'Error.stackTraceLimit = 1e9; const a = []; const f = (n) => (n ? f(n - 1) : a.push(new Error("x").stack)); for (;;) f(2000)',
    ],
    ['big integers', 'const a = []; const b = 2n ** 1000000n; for (let i = 0n; ; i++) a.push(b + i)'],
    ['symbols of the registry', 'for (let i = 0; ; i++) Symbol.for("k" + i + "x".repeat(1000))'],
    ['texts of JSON', 'const a = []; for (;;) a.push(JSON.rawJSON("1".repeat(100000)))'],
    ['parsed JSON', 'const t = "[" + "{},".repeat(1e6) + "1]"; const a = []; for (;;) a.push(JSON.parse(t))'],
    ['arrays of numbers', 'const a = []; for (let i = 0; ; i++) a[i * 1000] = i'],
  ])(
    '%s',
    async (_name, body) => {
      const most = watch();
      const invoked = await box.run(body, {}, { memorySizeMb: MEMORY_MB, timeoutMs: 60_000 });
      const bytes = most();
      const { metric, error } = errorOf(invoked);
      if (metric === 'error') expect(error.errorType).toBe('RangeError');
      else expect([metric, error.errorType]).toEqual(['out_of_memory', 'Runtime.OutOfMemory']);
      expect(bytes).toBeLessThan((MEMORY_MB + CHILD_OVERHEAD_MB + OVERSHOOT_MB) * MB);
    },
    90_000,
  );
});
