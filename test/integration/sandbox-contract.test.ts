/** Lambda's Node runtime in its corners (esm-semantics.md §2.12, §2.13), with the prelude: which call counts, what an error becomes, how loading fails. */
import { describe, expect, test, vi } from 'vitest';
import { HOUR } from '../../src/time.ts';
import { errorOf, resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();
const handler = (body: string, kind = '') => `exports.handler = ${kind} (event, context, callback) => { ${body} }`;
const payload = async (code: string, event?: unknown, over?: object) =>
  errorOf(await box.once(code, event, over)).error;

describe('the first call counts, whatever comes later', () => {
  test.each([
    ['callback, then a promise', handler('callback(null, 1); return Promise.resolve(2)'), 1],
    ['callback, then a rejection', handler('callback(null, 1); return Promise.reject(new Error("late"))'), 1],
    ['callback, then a throw', handler('callback(null, 1); throw new Error("late")'), 1],
    ['callback, then succeed', handler('callback(null, 1); context.succeed(2)'), 1],
    ['succeed, then fail', handler('context.succeed(1); context.fail(new Error("late"))'), 1],
    ['done, then callback', handler('context.done(null, 1); callback(new Error("late"))'), 1],
    ['an async handler that calls back, too', handler('callback(null, 1); return 2', 'async'), 1],
    ['a promise, then a callback', handler('setTimeout(() => callback(null, 2), 20); return Promise.resolve(1)'), 1],
  ])('%s', async (_name, code, expected) => {
    expect(resultOf(await box.once(code))).toBe(expected);
  });

  test.each([
    ['callback(error), then a promise', handler('callback(new Error("first")); return Promise.resolve(2)')],
    ['fail, then succeed', handler('context.fail(new Error("first")); context.succeed(1)')],
    ['a throw, then a callback', handler('setTimeout(() => callback(null, 1), 5); throw new Error("first")')],
  ])('%s fails', async (_name, code) => {
    expect((await payload(code)).errorMessage).toBe('first');
  });

  test('a callback that comes after the end says nothing to the next invocation', async () => {
    const version = box.version(`let late; exports.handler = (event, context, callback) => {
      if (event.first) { late = callback; return Promise.resolve('first') }
      late(null, 'of the first'); late(new Error('of the first'));
      callback(null, 'second');
    }`);
    expect(resultOf(await box.invoke(version, { first: true }))).toBe('first');
    expect(resultOf(await box.invoke(version))).toBe('second');
  });
});

describe('waiting for the event loop', () => {
  test('done, succeed and fail do not wait', async () => {
    const began = performance.now();
    const over = { timeoutMs: 60_000 };
    for (const call of ['done(null, 7)', 'succeed(7)'])
      expect(resultOf(await box.once(handler(`setTimeout(() => {}, 50000); context.${call}`), {}, over))).toBe(7);
    await payload(handler('setTimeout(() => {}, 50000); context.fail("x")'), {}, over);
    expect(performance.now() - began).toBeLessThan(40_000);
  });

  test('callbackWaitsForEmptyEventLoop = false: settles at once, what is pending goes on in the next invocation', async () => {
    const version = box.version(`let fired = 0; exports.handler = (event, context, callback) => {
      if (event.ask) return void setTimeout(() => callback(null, fired), 100);
      context.callbackWaitsForEmptyEventLoop = false;
      setTimeout(() => { fired++ }, 40);
      callback(null, context.callbackWaitsForEmptyEventLoop);
    }`);
    expect(resultOf(await box.invoke(version))).toBe(false);
    expect(resultOf(await box.invoke(version, { ask: true }))).toBe(1);
  });

  test('a request that was left pending is over: its answer does not come in a later invocation', async () => {
    const version = box.version(`let seen = 'nothing'; exports.handler = async (event) => {
      if (event.start) { fetch('http://x/').then(() => { seen = 'an answer' }, () => { seen = 'an end' }); return 1 }
      await new Promise((r) => setTimeout(r, 100));
      return seen;
    }`);
    await box.invoke(version, { start: true });
    expect(resultOf(await box.invoke(version))).not.toBe('an answer');
  });

  test('a plain return value is ignored, also with something pending; null once nothing is', async () => {
    expect(resultOf(await box.once(handler('setTimeout(() => {}, 20); return { not: "this" }')))).toBeNull();
  });

  test('one that waits for ever ends at its timeout, one with nothing to wait for at once', async () => {
    const waits = errorOf(await box.once(handler('setInterval(() => {}, 10)'), {}, { timeoutMs: 400 }));
    expect(waits).toMatchObject({ metric: 'timeout', error: { errorType: 'Sandbox.Timedout', trace: [] } });
    expect(waits.error.errorMessage).toMatch(/^RequestId: \S+ Error: Task timed out after 0\.40 seconds$/);
    const never = await payload(handler('return new Promise(() => {})'), {}, { timeoutMs: 60_000 });
    expect(never.errorType).toBe('Runtime.NodeJsExit');
  });
});

describe('the time that is left', () => {
  test('counts down from the timeout, and never below 0', async () => {
    const body = `const a = context.getRemainingTimeInMillis(); await new Promise((r) => setTimeout(r, 50));
      return [a, context.getRemainingTimeInMillis(), typeof context.getRemainingTimeInMillis.call(undefined)]`;
    const [first, later, kind] = resultOf(await box.once(handler(body, 'async'), {}, { timeoutMs: 7_000 })) as number[];
    expect(first).toBeLessThanOrEqual(7_000);
    expect(later).toBeLessThanOrEqual(first! - 45);
    expect(later).toBeGreaterThanOrEqual(0);
    expect(kind).toBe('number');
  });

  test.each([-HOUR, HOUR])('is that of a clock which is never set: %d ms', async (aheadMs) => {
    const real = Date.now;
    // Between the moment at which the daemon computes it and the one at which the function asks.
    vi.spyOn(Date, 'now').mockImplementation(() => real() + aheadMs);
    try {
      const left = resultOf(
        await box.once(handler('return context.getRemainingTimeInMillis()', 'async'), {}, { timeoutMs: 7_000 }),
      );
      expect(left).toBeLessThanOrEqual(7_000);
      expect(left).toBeGreaterThan(0);
    } finally {
      vi.restoreAllMocks();
    }
  });
});

describe('what an error becomes', () => {
  test.each([
    ['undefined', 'throw undefined', 'string', 'handled'],
    ['null', 'throw null', 'string', 'handled'],
    ['a boolean', 'throw false', 'boolean', 'false'],
    ['a BigInt', 'throw 12n', 'bigint', '12'],
    ['a function', 'throw function f() {}', 'function', 'function f() {}'],
    ['an array', 'throw [1, 2]', 'object', '1,2'],
    ['a frozen error', 'throw Object.freeze(new RangeError("cold"))', 'RangeError', 'cold'],
    [
      'a subclass by its name',
      'class Own extends TypeError { get name() { return "Own" } } throw new Own("mine")',
      'Own',
      'mine',
    ],
    ['a subclass without a name', 'class Own extends TypeError {} throw new Own("mine")', 'TypeError', 'mine'],
    ['a cause', 'throw new Error("outer", { cause: new Error("inner") })', 'Error', 'outer'],
    [
      'a cause that cannot be read',
      'throw Object.defineProperty(new Error("m"), "cause", { get() { throw 1 } })',
      'Error',
      'm',
    ],
    ['AggregateError', 'throw new AggregateError([new Error("a")], "several")', 'AggregateError', 'several'],
    ['DOMException', 'throw new DOMException("gone", "AbortError")', 'AbortError', 'gone'],
    ['an empty message', 'throw new Error()', 'Error', ''],
    [
      'looks like one',
      'throw { name: "Like", message: "an error", stack: "Like: an error\\n    at x" }',
      'Like',
      'an error',
    ],
    ['0x7F in the name', 'throw Object.assign(new Error("m"), { name: "a\\x7fb" })', 'a%7Fb', 'm'],
    ['a message that is no text', 'throw Object.assign(new Error("m"), { message: 5 })', 'object', 'Error: 5'],
    ['a failing assertion', 'require("assert").strictEqual(1, 2, "not so")', 'AssertionError', 'not so'],
  ])('%s', async (_name, body, errorType, errorMessage) => {
    for (const kind of ['', 'async'])
      expect(await payload(handler(body, kind))).toMatchObject({ errorType, errorMessage });
  });

  test.each([
    ['a message that throws', 'throw { name: "n", get message() { throw new Error("inner") } }'],
    [
      'a stack that throws',
      'const e = new Error("m"); Object.defineProperty(e, "stack", { get() { throw 1 } }); throw e',
    ],
    ['a toString that throws', 'throw { toString() { throw 1 } }'],
    ['a Proxy that throws at everything', 'throw new Proxy({}, new Proxy({}, { get() { throw 1 } }))'],
    ['a revoked Proxy', 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy'],
  ])('%s: handled', async (_name, body) => {
    expect(await payload(handler(body, 'async'))).toMatchObject({ errorType: 'handled', trace: [] });
  });

  test('the trace is the stack by lines, of the user’s own frames; text is bounded', async () => {
    const { trace } = await payload(`const inner = () => { throw new TypeError('two\\nlines') };
exports.handler = async function outer() { inner() };`);
    expect(trace).toEqual([
      ...['TypeError: two', 'lines'],
      ...['    at inner (/var/task/index.js:1:29)', '    at outer (/var/task/index.js:2:44)'],
    ]);
    const long = await payload(handler('throw Object.assign(new Error("m".repeat(1e6)), { name: "n".repeat(1e6) })'));
    expect(Buffer.byteLength(JSON.stringify(long))).toBeLessThan(10_000);
  });
});

describe('results', () => {
  test.each([
    ['undefined', 'undefined', null],
    ['a symbol', 'Symbol("s")', null],
    ['a toJSON that answers nothing', '{ toJSON() {} }', null],
    ['toJSON', '{ toJSON: () => ({ a: 1 }) }', { a: 1 }],
    ['an empty text', '""', ''],
  ])('%s', async (_name, value, expected) => {
    expect(resultOf(await box.once(handler(`return (${value})`, 'async')))).toEqual(expected);
    expect(resultOf(await box.once(handler(`callback(null, (${value}))`)))).toEqual(expected);
  });

  test('one byte too many is said in Lambda’s words, by whichever way it is given', async () => {
    const text = 'Response payload size exceeded maximum allowed payload size (6291556 bytes).';
    for (const way of ['return big', 'callback(null, big)', 'context.succeed(big)'])
      expect(
        await payload(handler(`const big = 'x'.repeat(6291556 - 1); ${way}`, way[0] === 'r' ? 'async' : '')),
      ).toEqual({
        ...{ errorType: 'Function.ResponseSizeTooLarge', errorMessage: text, trace: [] },
      });
  });
});

describe('the process ends', () => {
  test.each([
    ['process.exit(3)', 'Runtime exited with error: exit status 3'],
    ['process.exit()', 'Runtime exited without providing a reason'],
    ['process.exit(0)', 'Runtime exited without providing a reason'],
    ['process.exit(256 + 4)', 'Runtime exited with error: exit status 4'],
    ['process.exitCode = 5; process.exit()', 'Runtime exited with error: exit status 5'],
    ['process.abort()', 'Runtime exited with error: exit status 134'],
  ])('%s', async (body, message) => {
    const { metric, error } = errorOf(await box.once(handler(`${body}; return 1`, 'async')));
    expect([metric, error.errorType]).toEqual(['killed', 'Runtime.ExitError']);
    expect(error.errorMessage).toMatch(new RegExp(`^RequestId: [0-9a-f-]{36} Error: ${message}$`));
  });

  test('an error of that name is only an error', async () => {
    const named = handler('throw Object.assign(new Error("no"), { name: "Runtime.ExitError" })');
    expect(errorOf(await box.once(named)).metric).toBe('error');
  });

  test('an unhandled rejection names its reason and where it came from', async () => {
    const error = await payload(handler('Promise.reject(new RangeError("lost")); return 1', 'async'));
    expect(error).toMatchObject({ errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'RangeError: lost' });
    expect(error.trace[0]).toBe('RangeError: lost');
    expect(error.trace.join()).toContain('/var/task/index.js:1:');
    for (const reason of ['undefined', 'null', '"text"', '5', 'Object.create(null)', 'Symbol("s")'])
      expect(await payload(handler(`Promise.reject(${reason}); return 1`, 'async'))).toMatchObject({
        errorType: 'Runtime.UnhandledPromiseRejection',
      });
  });

  test('one that comes after the result ends the invocation that it falls into, as in Lambda', async () => {
    const version = box.version(`exports.handler = async (event) => {
      if (event.plant) { setTimeout(() => Promise.reject(new Error('planted')), 5); return 'planted' }
      await new Promise((r) => setTimeout(r, 200));
      return 'waited';
    }`);
    expect(resultOf(await box.invoke(version, { plant: true }))).toBe('planted');
    expect(errorOf(await box.invoke(version)).error).toMatchObject({
      ...{ errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'Error: planted' },
    });
    expect(resultOf(await box.invoke(version))).toBe('waited');
  });
});

describe('loading', () => {
  test.each([
    ['a throw', 'throw new RangeError("at load")', 'RangeError', 'at load'],
    ['a throw of nothing', 'throw undefined', 'handled', ''],
    ['process.exit', 'process.exit(9)', 'Runtime.ExitError', 'Runtime exited with error: exit status 9'],
    [
      'an unhandled rejection',
      'Promise.reject(new Error("lost")); exports.handler = () => 1',
      'Runtime.UnhandledPromiseRejection',
      'Error: lost',
    ],
    ['an await that rejects', 'module.exports = Promise.reject(new TypeError("top"))', 'TypeError', 'top'],
    [
      'an exception in a timer',
      'setTimeout(() => { throw new Error("timer") }, 1); module.exports = new Promise((r) => setTimeout(r, 5000, {}))',
      'Error',
      'timer',
    ],
    ['a missing module', 'require("left-pad")', 'Runtime.ImportModuleError', "Error: Cannot find module 'left-pad'"],
    ['no JavaScript', 'exports.handler = 1 +* 2', 'Runtime.UserCodeSyntaxError', "SyntaxError: Unexpected token '*'"],
  ])('%s fails the attempt, is reported as it is, and is tried anew', async (_name, code, errorType, message) => {
    const version = box.version(code);
    for (let i = 0; i < 2; i++) {
      const { metric, error, report } = errorOf(await box.invoke(version));
      expect([metric, error.errorType]).toEqual([errorType === 'Runtime.ExitError' ? 'killed' : 'error', errorType]);
      expect(error.errorMessage).toContain(message);
      expect(report.initDurationMs).toBeGreaterThan(0);
    }
  });

  test('what takes longer than the init phase is done in the invocation’s time', { timeout: 60_000 }, async () => {
    const code = `const until = Date.now() + 10500; while (Date.now() < until);
      exports.handler = async (event, context) => context.getRemainingTimeInMillis()`;
    const slow = await box.once(code, {}, { timeoutMs: 40_000 });
    const left = resultOf(slow) as number;
    expect(left).toBeLessThanOrEqual(40_000 - 10_500);
    expect(slow.outcome).toMatchObject({ report: { initDurationMs: expect.any(Number) as number } });
    // With a short timeout it ends with its phase.
    const spin = errorOf(await box.once('for (;;);', {}, { timeoutMs: 1_000 }));
    expect(spin).toMatchObject({ metric: 'timeout', error: { errorType: 'Sandbox.Timedout' } });
    expect(spin.error.errorMessage).toContain('Task timed out after 10.00 seconds');
  });
});
