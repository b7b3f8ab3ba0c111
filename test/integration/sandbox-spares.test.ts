import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHILD_OVERHEAD_MB } from '../../src/limits.ts';
import { buildPrelude } from '../../src/sandbox/build-prelude.ts';
import { childrenOf } from '../support/children.ts';
import { errorOf, isRunning, makeSandbox, resultOf, type TestSandbox } from '../support/sandbox.ts';

const ECHO = 'exports.handler = async (e) => e';
/** The limit of the isolate in MB, as its V8 has it. */
const LIMIT = `exports.handler = async () => Math.floor(require('v8').getHeapStatistics().heap_size_limit / 1024 / 1024)`;

let directory: string;
let preludePath: string;
beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'millrace-spares-'));
  preludePath = (await buildPrelude(directory)).path;
  // The code caches are there before the tests count processes: making them takes one, too.
  const box = await makeSandbox({ cacheDir: directory, preludePath, spares: 0 });
  await box.once(ECHO);
  const caches = (): number => readdirSync(directory).filter((name) => name.endsWith('.cache')).length;
  expect(await until(() => caches() === 3)).toBe(true);
  await box.close();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function until(condition: () => boolean, ms = 15_000): Promise<boolean> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

type Box = TestSandbox & { close(): Promise<void> };

async function withSandbox(run: (box: Box, own: () => number[]) => Promise<void>): Promise<void> {
  const before = childrenOf(process.pid);
  const box = await makeSandbox({ cacheDir: directory, preludePath, spares: 1 });
  try {
    await run(box, () => childrenOf(process.pid).filter((pid) => !before.includes(pid)));
  } finally {
    await box.close();
  }
}

/** The one process that waits, once it is the only one without a function. */
async function waitingPid(box: Box, own: () => number[], used: readonly number[]): Promise<number> {
  const others = (): number[] => own().filter((pid) => !used.includes(pid));
  expect(await until(() => others().length === 1 && box.sandbox.reserve().processes === 1)).toBe(true);
  return others()[0]!;
}

describe('processes in reserve', () => {
  test('there are none, and no child at all, before something is invoked', () =>
    withSandbox(async (box, own) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(own()).toEqual([]);
      expect(box.sandbox.reserve()).toEqual({ processes: 0, rssBytes: 0 });
    }));

  test('one becomes the next function’s, once, and is replaced; what it holds is bounded and counted', () =>
    withSandbox(async (box, own) => {
      await box.once(ECHO);
      const slots = (): number => box.sandbox.stats().reduce((sum, { children }) => sum + children, 0);
      expect(await until(() => own().length === 2)).toBe(true);
      const before = own();
      expect(await until(() => box.sandbox.reserve().rssBytes > 0)).toBe(true);
      expect(box.sandbox.reserve().rssBytes).toBeLessThan(CHILD_OVERHEAD_MB * 1024 * 1024);
      await box.once(ECHO);
      // Neither of the two went, so the waiting one serves the second function.
      expect(await until(() => own().length === 3)).toBe(true);
      for (const pid of before) expect(isRunning(pid)).toBe(true);
      expect(slots()).toBe(2);
      expect(box.sandbox.reserve().processes).toBe(1);
    }));

  test('one that is lost while it waits costs nothing', () =>
    withSandbox(async (box, own) => {
      await box.once(ECHO);
      const used = own().slice(0, 1);
      const pid = await waitingPid(box, own, used);
      process.kill(pid, 'SIGKILL');
      // At once: perhaps before its end is known here.
      expect(resultOf(await box.once(ECHO, 7))).toBe(7);
      process.kill(await waitingPid(box, own, own().slice(0, 2)), 'SIGKILL');
      expect(await until(() => box.sandbox.reserve().processes === 0)).toBe(true);
      expect(resultOf(await box.once(ECHO, 8))).toBe(8);
    }));

  test('close ends them', async () => {
    const before = childrenOf(process.pid);
    const box = await makeSandbox({ cacheDir: directory, preludePath, spares: 1 });
    await box.once(ECHO);
    expect(await until(() => box.sandbox.reserve().processes === 1)).toBe(true);
    await box.close();
    expect(childrenOf(process.pid).filter((pid) => !before.includes(pid))).toEqual([]);
  });

  test('have the memory limit of the function that they come to, whatever they were made for', () =>
    withSandbox(async (box) => {
      const limitOf = async (memorySizeMb: number) => resultOf(await box.once(LIMIT, null, { memorySizeMb })) as number;
      const oneWaits = async () => expect(await until(() => box.sandbox.reserve().processes === 1)).toBe(true);
      const fresh = await limitOf(512);
      await oneWaits();
      // Made for 512 and taken for 64; then made for 64 and taken for 512; then for what it was made for.
      const small = await limitOf(64);
      expect(small).toBeGreaterThanOrEqual(64);
      expect(small).toBeLessThan(2 * 64);
      for (const [size, expected] of [
        [512, fresh],
        [512, fresh],
        [64, small],
      ] as const) {
        await oneWaits();
        expect(await limitOf(size)).toBe(expected);
      }
      expect(fresh).toBeGreaterThanOrEqual(512);
    }));
});

describe('an isolate that was made ready before its function was known', () => {
  test('has that function’s environment and identity, and no other’s', () =>
    withSandbox(async (box) => {
      const code = `const own = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => /^ONLY|NAME$|SIZE$/.test(name)));
        const atLoad = own(); exports.handler = async (e, c) => ({ atLoad, env: own(), name: c.functionName, memory: c.memoryLimitInMB })`;
      for (const [name, memory] of [
        ['A', 64],
        ['B', 64],
        ['C', 128],
      ] as const) {
        const environment = { [`ONLY_${name}`]: name };
        const version = box.version(code, { name, environment, memorySizeMb: memory });
        const env = { ...environment, AWS_LAMBDA_FUNCTION_NAME: name, AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${memory}` };
        const { env: now, atLoad, ...about } = resultOf(await box.invoke(version)) as Record<string, unknown>;
        expect([now, atLoad]).toEqual([expect.objectContaining(env), now]);
        expect(Object.keys(now as object).filter((key) => key.startsWith('ONLY'))).toEqual([`ONLY_${name}`]);
        expect(about).toEqual({ name, memory: `${memory}` });
      }
    }));

  test('shares nothing with the one before: globals, prototypes, modules', () =>
    withSandbox(async (box) => {
      const code = `const seen = [globalThis.mark, ({}).mark, require('node:util').inspect.mark, Buffer.mark, process.mark];
        globalThis.mark = Object.prototype.mark = require('node:util').inspect.mark = Buffer.mark = process.mark = 1;
        exports.handler = async () => seen.filter((one) => one !== undefined).length`;
      for (let n = 0; n < 4; n++) expect(resultOf(await box.once(code))).toBe(0);
    }));

  test('has the time zone of its function', () =>
    withSandbox(async (box) => {
      await box.once(ECHO);
      const code = `const atLoad = new Date(0).getTimezoneOffset();
        exports.handler = async () => [atLoad, new Date(1720000000000).getHours(), Intl.DateTimeFormat().resolvedOptions().timeZone]`;
      const zoned = (TZ?: string) => box.once(code, {}, { environment: TZ === undefined ? {} : { TZ } });
      expect(resultOf(await zoned('Europe/Berlin'))).toEqual([-60, 11, 'Europe/Berlin']);
      expect(resultOf(await zoned())).toEqual([0, 9, 'UTC']);
      expect(resultOf(await zoned('Asia/Tokyo'))).toEqual([-540, 18, 'Asia/Tokyo']);
    }));

  test('begins its clock with its function', () =>
    withSandbox(async (box) => {
      await box.once(ECHO);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const code = `const at = performance.now(); const origin = performance.timeOrigin; const wall = Date.now();
        exports.handler = async () => ({ at, off: wall - origin - at, uptime: process.uptime() })`;
      const { at, off, uptime } = resultOf(await box.once(code)) as Record<string, number>;
      expect(at).toBeLessThan(1_500);
      expect(uptime).toBeLessThan(1.9);
      expect(Math.abs(off!)).toBeLessThan(100);
    }));

  test('keeps the caps on its log from the first line on', () =>
    withSandbox(async (box) => {
      await box.once(ECHO);
      const code = `console.log('x'.repeat(20000)); for (let i = 0; i < 3000; i++) console.log('load', i);
        exports.handler = async () => 1`;
      const { outcome, logs } = await box.once(code);
      expect(outcome.kind).toBe('ok');
      expect(logs[0]!.text.length).toBe(8 * 1024);
      expect(logs.length).toBe(1_000);
    }));

  test('reports a bundle that cannot be compiled, or throws, as the function’s failure', () =>
    withSandbox(async (box) => {
      await box.once(ECHO);
      expect(errorOf(await box.once('exports.handler = (')).error.errorType).toBe('Runtime.UserCodeSyntaxError');
      expect(errorOf(await box.once('throw new RangeError("at load")')).error).toMatchObject({
        ...{ errorType: 'RangeError', errorMessage: 'at load' },
      });
      expect(resultOf(await box.once(ECHO, 1))).toBe(1);
    }));

  test('takes a bundle with characters of every width', () =>
    withSandbox(async (box) => {
      await box.once(ECHO);
      expect(resultOf(await box.once('exports.handler = async () => "é€😀".length'))).toBe(4);
      expect(resultOf(await box.once('exports.handler = async () => /[é-ü]/u.test("ö")'))).toBe(true);
    }));
});
