/**
 * Handlers that mean harm (the numbers are those of the list of hostile handlers). For every one: exactly one outcome, in time, a child
 * within its memory cap, an error text within its bound and without anything of the host's, and the next invocation of an innocent
 * function in the same sandbox is undisturbed.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { CHILD_OVERHEAD_MB } from '../../src/limits.ts';
import type { FunctionVersion } from '../../src/sandbox/types.ts';
import { errorOf, type Invoked, resultOf, useSandbox } from '../support/sandbox.ts';

const box = useSandbox();
const TIMEOUT_MS = 700;
const MEMORY_MB = 64;
/** How far a child may overshoot between two looks at its memory. */
const OVERSHOOT_MB = 256;

let innocent: FunctionVersion | null = null;

async function hostile(body: string, over: Partial<FunctionVersion> = {}): Promise<Invoked> {
  const version = box.version(
    body.includes('exports.') ? body : `exports.handler = async (event, context, callback) => { ${body} }`,
    { timeoutMs: TIMEOUT_MS, memorySizeMb: MEMORY_MB, ...over },
  );
  const started = performance.now();
  const invoked = await box.invoke(version);
  const { outcome } = invoked;
  if (outcome.kind === 'infrastructure') throw new Error(outcome.reason);
  const took = performance.now() - started - (outcome.report.initDurationMs ?? 0);
  expect(took).toBeLessThan(version.timeoutMs + 500);
  expect(outcome.report.maxMemoryUsedMb).toBeLessThan(version.memorySizeMb + CHILD_OVERHEAD_MB + OVERSHOOT_MB);
  if (outcome.kind === 'function-error') {
    const text = JSON.stringify(outcome.error);
    expect(Buffer.byteLength(outcome.error.errorMessage)).toBeLessThanOrEqual(4096);
    expect(text).not.toContain(process.cwd());
    expect(text).not.toMatch(/node:internal|isolated-vm|millrace:|child-[0-9a-f]+\.cjs/);
  }
  return invoked;
}

afterEach(async () => {
  innocent ??= box.version(
    'let n = 0; exports.handler = async (e) => ({ n: ++n, clean: Object.keys(Object.prototype).length === 0, echo: e })',
  );
  expect(resultOf(await box.invoke(innocent, { x: 1 }))).toMatchObject({ clean: true, echo: { x: 1 } });
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

describe('time', () => {
  test.each([
    [1, 'for (;;);'],
    [2, 'for (;;) await 0;'],
    [3, 'const again = () => { Promise.resolve().then(again); }; again(); await new Promise(() => {});'],
    [4, 'setInterval(() => {}, 1000); await new Promise(() => {});'],
    [5, 'await new Promise((r) => setTimeout(r, 5)); for (;;);'],
    [6, 'for (;;) { clearTimeout(setTimeout(() => {}, 1)); Date.now(); }'],
    [8, 'return { then() { for (;;); } };'],
    [12, 'return /^(a+)+$/.test("a".repeat(40) + "!");'],
    [14, 'const a = []; a[2 ** 32 - 2] = 1; a.length = 2 ** 32 - 1; a.sort();'],
    [41, 'return { get x() { for (;;); } };'],
    [41, 'return { toJSON() { for (;;); } };'],
    [0, 'const run = () => setImmediate(run); run(); await new Promise(() => {});'],
    [0, 'return 7n ** (7n ** 9n);'],
    [0, 'throw new Proxy({}, { get() { for (;;); } });'],
    [0, 'throw Object.defineProperty(new Error(), "stack", { get() { for (;;); } });'],
    [0, 'Promise.reject(Object.defineProperty(new Error("x"), "stack", { get() { for (;;); } })); return 1;'],
  ])('%i: %s → timeout', async (_number, body) => {
    const { metric, error } = errorOf(await hostile(body));
    expect(metric).toBe('timeout');
    expect(error.errorType).toBe('Sandbox.Timedout');
    expect(error.errorMessage).toMatch(/^RequestId: \S+ Error: Task timed out after 0\.70 seconds$/);
  });

  test('7: a thenable that never calls back has nothing left to wait for', async () => {
    expect(errorOf(await hostile('return { then() {} };')).error.errorType).toBe('Runtime.NodeJsExit');
  });

  test('a module that spins while it loads is ended too, with its own bound', async () => {
    const version = box.version('for (;;);', { timeoutMs: 100 });
    const { metric, error } = errorOf(await box.invoke(version));
    expect(metric).toBe('timeout');
    expect(error.errorMessage).toContain('timed out after 10.00 seconds');
  });

  test('11: what is left running costs nothing afterwards', async () => {
    const version = box.version(
      'exports.handler = async () => { setInterval(() => { for (;;); }, 1); setTimeout(() => { for (;;); }, 0); return "ok" }',
    );
    expect(resultOf(await box.invoke(version))).toBe('ok');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(resultOf(await box.invoke(version))).toBe('ok');
  });
});

describe('memory', () => {
  const roomy = { timeoutMs: 8_000 };
  test.each([
    [23, 'const a = []; for (;;) a.push({ a: [1, 2, 3], b: {} });'],
    [31, 'const m = new Map(); for (let i = 0; ; i++) m.set(i, { i });'],
    [32, 'return JSON.parse("[".repeat(2e7) + "]".repeat(2e7));'],
    [0, 'const s = []; for (;;) s.push("x".repeat(1e6) + Math.random());'],
    [0, 'const s = []; for (let i = 0; ; i++) { s.push(new Array(1e6).fill(i)); }'],
  ])('%i: %s', async (_number, body) => {
    const { metric, error } = errorOf(await hostile(body, roomy));
    // Either its memory ran out, or V8 refused an allocation as an error of the function's own.
    if (metric === 'error') expect(error.errorType).toMatch(/RangeError|SyntaxError/);
    else {
      expect(metric).toBe('out_of_memory');
      expect(error.errorType).toBe('Runtime.OutOfMemory');
    }
  });

  test('15: a huge array filled', async () => {
    const { metric } = errorOf(await hostile('new Array(2 ** 32 - 1).fill(0); return 1;', { timeoutMs: 2_000 }));
    expect(['timeout', 'out_of_memory', 'error']).toContain(metric);
  });

  test.each([
    [24, 'let s = "x"; for (;;) s += s;', 'RangeError'],
    [27, 'const a = []; for (;;) a.push(new ArrayBuffer(1e7));', 'RangeError'],
    [27, 'return new Uint8Array(2 ** 32).length;', 'RangeError'],
    [36, 'const f = () => f() + 1; return f();', 'RangeError'],
    [36, 'const o = { toJSON: () => [JSON.stringify(o)] }; return o;', 'Error'],
    [37, 'return eval("[".repeat(3e5));', /RangeError|SyntaxError|EvalError/],
  ])('%i: %s → an error of the function', async (_number, body, type) => {
    const { metric, error } = errorOf(await hostile(body, roomy));
    if (metric === 'error') expect(error.errorType).toMatch(type);
    else expect(metric).toBe('out_of_memory');
  });

  test('25: a result of 500 MB never crosses', async () => {
    const { metric, error } = errorOf(await hostile('return "x".repeat(5e8);', roomy));
    expect(['Function.ResponseSizeTooLarge', 'Runtime.OutOfMemory', 'Error', 'RangeError']).toContain(error.errorType);
    expect(['error', 'out_of_memory']).toContain(metric);
  });

  test.each([
    ['ASCII', '"x".repeat(6291556 - 1)'],
    ['three bytes a character', '"漢".repeat(2097200)'],
  ])('a result just above the limit: %s', async (_name, text) => {
    const { error } = errorOf(await hostile(`return ${text};`, { ...roomy, memorySizeMb: 128 }));
    expect(error).toMatchObject({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    });
  });

  test('40: a million keys under the limit are fine, above it they are too large', async () => {
    const keys = (n: number) => `const o = {}; for (let i = 0; i < ${n}; i++) o["k" + i] = 1; return o;`;
    expect((await hostile(keys(300_000), { ...roomy, memorySizeMb: 256 })).outcome.kind).toBe('ok');
    expect(errorOf(await hostile(keys(1_000_000), { ...roomy, memorySizeMb: 512 })).error.errorType).toBe(
      'Function.ResponseSizeTooLarge',
    );
  });

  test('54: an error message of 100 MB is cut', async () => {
    const { error } = errorOf(await hostile('throw new Error("m".repeat(1e8));', { ...roomy, memorySizeMb: 256 }));
    expect(error.errorMessage).toHaveLength(4096);
  });
});

describe('what is not there', () => {
  test('18–22, 28, 30: shared and growing memory', async () => {
    const probe = `
      const gone = ['WebAssembly', 'SharedArrayBuffer', 'Atomics'].filter((n) => n in globalThis);
      const viaPrototype = new Uint8Array(1).buffer.constructor;
      const grown = [ArrayBuffer, viaPrototype, Reflect.getPrototypeOf(class extends ArrayBuffer {})].map((C) => {
        const b = new C(8, { maxByteLength: 1 << 30 });
        return [typeof b.resize, typeof b.transfer, b.resizable, b.maxByteLength, b.byteLength, b instanceof ArrayBuffer];
      });
      return { gone, grown, same: viaPrototype === ArrayBuffer, sliced: new ArrayBuffer(8).slice(2).byteLength, names: Object.getOwnPropertyNames(ArrayBuffer.prototype).sort() };`;
    const row = ['undefined', 'undefined', null, null, 8, true];
    expect(resultOf(await hostile(probe))).toEqual({
      gone: [],
      grown: [row, row, row],
      same: true,
      sliced: 6,
      names: ['byteLength', 'constructor', 'slice'],
    });
  });

  test('10: references hold strongly, finalisers never run', async () => {
    const probe = `
      let ran = 0;
      const registry = new FinalizationRegistry(() => { ran++; for (;;); });
      for (let i = 0; i < 1e5; i++) registry.register({}, i);
      const held = new WeakRef({ a: 1 });
      const junk = []; for (let i = 0; i < 2e5; i++) junk.push({ i });
      await new Promise((r) => setTimeout(r, 20));
      return [ran, held.deref().a, String(held), registry.unregister({})];`;
    expect(resultOf(await hostile(probe))).toEqual([0, 1, '[object WeakRef]', false]);
  });

  test('58, 59, 61: no way to the host', async () => {
    const probe = `
      const outside = (code) => { try { return typeof (0, eval)(code) } catch (e) { return e.name } };
      const fn = Object.constructor.constructor;
      let imported; try { imported = await import('fs') } catch (e) { imported = e.name }
      return {
        names: ['process', 'Buffer', 'ivm', 'require', '__millrace', 'module', 'exports'].filter((n) => n in globalThis),
        viaFunction: fn('return typeof process')(),
        viaError: (() => { try { null.x } catch (e) { return e.constructor.constructor('return typeof process')() } })(),
        viaTimer: setTimeout.constructor('return typeof process')(),
        viaConsole: console.log.constructor('return typeof process')(),
        viaContext: context.getRemainingTimeInMillis.constructor('return typeof process')(),
        stack: String(new Error().stack).includes('millrace') ? 'ours' : 'none',
        required: (() => { try { return require('fs') } catch (e) { return e.code } })(),
        imported, evaluated: outside('1 + 1'),
      };`;
    const got = resultOf(await hostile(probe)) as Record<string, unknown>;
    expect(got).toMatchObject({
      names: [],
      viaFunction: 'undefined',
      viaError: 'undefined',
      viaTimer: 'undefined',
      viaConsole: 'undefined',
      viaContext: 'undefined',
      required: 'MODULE_NOT_FOUND',
      evaluated: 'number',
    });
    expect(got.imported).toMatch(/Error$/);
  });

  test('72: clocks are coarse', async () => {
    expect(
      resultOf(
        await hostile('const s = new Set(); for (let i = 0; i < 1e5; i++) s.add(Date.now() % 1); return [...s];'),
      ),
    ).toEqual([0]);
  });
});

describe('pollution', () => {
  test.each([
    [
      49,
      `for (const p of [Object.prototype, Array.prototype, Promise.prototype, String.prototype, Function.prototype]) {
      p.polluted = 1; p.toJSON = () => 'owned';
      for (const key of ['0', 'done', 'then', 'type', 'trace', 'errorType', 'kind']) { try { Object.defineProperty(p, key, { get() { return undefined }, set() {}, configurable: true }) } catch {} }
    } event.n`,
    ],
    [
      50,
      `JSON.stringify = () => '{"forged":1}'; JSON.parse = () => ({ forged: 1 }); globalThis.String = () => 'forged'; Promise.prototype.then = () => {}; Reflect.apply = () => 'forged';
      Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => 'forged'; Array.prototype.push = () => {}; Array.prototype[Symbol.iterator] = () => { throw 1 };
      String.prototype.slice = String.prototype.indexOf = () => { throw 1 }; Date.now = () => 0; Object.defineProperty = () => { throw 1 }; globalThis.Promise = null; globalThis.Error = null;`,
    ],
  ])('%i: the envelope of later invocations is unaffected', async (number, body) => {
    const version = box.version(`exports.handler = async (e, c) => {
      if (e.pollute) { ${body} }
      if (e.fail) throw new TypeError('real');
      console.log('still', 'here');
      return ${number === 49 ? "'plain'" : '{ n: e.n, id: c.awsRequestId }'};
    }`);
    await box.invoke(version, { pollute: true });
    const context = { requestId: 'req-5' };
    const { outcome, logs } = await box.invoke(version, { n: 5 }, { context });
    if (number === 50) expect(outcome).toMatchObject({ kind: 'ok', result: '{"n":5,"id":"req-5"}' });
    else expect(outcome.kind).toBe('ok');
    expect(logs.map((line) => line.text)).toEqual(['still here']);
    expect(errorOf(await box.invoke(version, { fail: true })).error).toMatchObject({
      errorType: 'TypeError',
      errorMessage: 'real',
    });
  });

  test('48: special keys are the own keys they are', async () => {
    const got = await hostile(`return JSON.parse('{"__proto__":{"polluted":1},"constructor":1}');`);
    expect(got.outcome).toMatchObject({ kind: 'ok', result: '{"__proto__":{"polluted":1},"constructor":1}' });
  });
});

describe('log', () => {
  test('63: a million lines: the first are kept, the others counted', async () => {
    const { outcome, logs } = await hostile('for (let i = 0; i < 1e6; i++) console.log("line", i); return 1;', {
      timeoutMs: 8_000,
    });
    expect(outcome).toMatchObject({ kind: 'ok', report: { droppedLogLines: 999_000 } });
    expect(logs).toHaveLength(1_000);
    expect(logs[999]!.text).toBe('line 999');
  });

  test('64: lines of a megabyte are cut, and their sum is bounded', async () => {
    const { logs } = await hostile(
      'const s = "y".repeat(1e6); for (let i = 0; i < 1e4; i++) console.log(s); return 1;',
      { timeoutMs: 8_000, memorySizeMb: 128 },
    );
    expect(logs.every((line) => Buffer.byteLength(line.text) <= 8 * 1024)).toBe(true);
    expect(logs.reduce((sum, line) => sum + line.text.length, 0)).toBeLessThanOrEqual(1024 * 1024);
  });
});
