import { describe, expect, test } from 'vitest';
import { errorOf, resultOf, useSandbox } from '../support/sandbox.ts';

const box = useSandbox();

describe('handler forms', () => {
  test.each([
    ['async', 'exports.handler = async (e) => ({ got: e.n })', { got: 7 }],
    ['promise after a timer', 'exports.handler = (e) => new Promise((r) => setTimeout(() => r(e.n), 20))', 7],
    ['a thenable that is no promise', 'exports.handler = (e) => ({ then: (ok) => ok(e.n) })', 7],
    ['callback', 'exports.handler = (e, c, cb) => { cb(null, e.n) }', 7],
    ['callback after setImmediate', 'exports.handler = (e, c, cb) => { setImmediate(() => cb(null, e.n)) }', 7],
    ['callback(null)', 'exports.handler = (e, c, cb) => { cb(null) }', null],
    [
      'the first callback counts',
      'exports.handler = (e, c, cb) => { cb(null, 1); cb(null, 2); cb(new Error("late")) }',
      1,
    ],
    ['context.succeed', 'exports.handler = (e, c) => { setTimeout(() => {}, 60000); c.succeed(e.n) }', 7],
    ['context.done', 'exports.handler = (e, c) => { c.done(null, e.n) }', 7],
    ['a plain return value is ignored, as in Lambda', 'exports.handler = () => 5', null],
    ['undefined becomes null', 'exports.handler = async () => undefined', null],
    ['a function becomes null', 'exports.handler = async () => () => 1', null],
    [
      'dates, NaN, undefined members as JSON has them',
      'exports.handler = async () => ({ d: new Date(0), n: NaN, u: undefined, m: new Map([[1, 2]]), z: -0 })',
      { d: '1970-01-01T00:00:00.000Z', n: null, m: {}, z: 0 },
    ],
    [
      'exports that are a promise (top-level await)',
      'module.exports = (async () => { await new Promise((r) => setTimeout(r, 10)); return { handler: async () => "up" } })()',
      'up',
    ],
    ['nested export path', 'exports.a = { b: { handler: async () => "deep" } }', 'deep', { exportPath: 'a.b.handler' }],
  ])('%s', async (_name, code, expected, over?: object) => {
    expect(resultOf(await box.once(code, { n: 7 }, over))).toEqual(expected);
  });

  test('a callback waits for the event loop to be empty unless told not to', async () => {
    const waits = box.version(`
      let fired = false;
      exports.handler = (e, c, cb) => {
        if (e.ask) return void cb(null, fired);
        c.callbackWaitsForEmptyEventLoop = e.wait;
        fired = false;
        setTimeout(() => { fired = true }, 30);
        cb(null, 'called');
      };`);
    expect(resultOf(await box.invoke(waits, { wait: true }))).toBe('called');
    expect(resultOf(await box.invoke(waits, { ask: true }))).toBe(true);
  });

  test('text outside ASCII survives in both directions', async () => {
    const text = 'żółć 漢字 🐝 \u2028 \ud800';
    const echo = box.version('exports.handler = async (e) => e');
    expect(resultOf(await box.invoke(echo, { text }))).toEqual({ text });
    expect(resultOf(await box.invoke(echo, { text: 'plain' }, { ascii: true }))).toEqual({ text: 'plain' });
  });

  test('an event of 6 MB, a result just under 6 MB', async () => {
    const big = 'x'.repeat(6 * 1024 * 1024 - 100);
    expect(
      resultOf(await box.once('exports.handler = async (e) => [e.big.length, e.big]', { big }, { memorySizeMb: 128 })),
    ).toEqual([big.length, big]);
  });
});

describe('context', () => {
  test('has every member of Lambda, and millrace', async () => {
    const context = {
      requestId: '2f3c1f5e-0000-4000-8000-000000000001',
      mapping: {
        name: 'clicks',
        shardId: 'shardId-000000000000',
        epoch: '1732370000000000',
        attempt: 3,
        firstSequenceNumber: '1',
        lastSequenceNumber: '2',
      },
    };
    const version = box.version(
      `exports.handler = async (e, c) => ({ ...c, names: Object.keys(c).sort(), left: c.getRemainingTimeInMillis(), kinds: [typeof c.done, typeof c.succeed, typeof c.fail] })`,
    );
    const got = resultOf(await box.invoke(version, {}, { context })) as Record<string, unknown>;
    expect(got).toMatchObject({
      awsRequestId: context.requestId,
      functionName: version.name,
      functionVersion: '$LATEST',
      invokedFunctionArn: `arn:millrace:lambda:::function:${version.name}`,
      memoryLimitInMB: '64',
      logGroupName: `/aws/lambda/${version.name}`,
      callbackWaitsForEmptyEventLoop: true,
      kinds: ['function', 'function', 'function'],
      millrace: {
        mapping: 'clicks',
        shardId: 'shardId-000000000000',
        epoch: '1732370000000000',
        attempt: 3,
        firstSequenceNumber: '1',
        lastSequenceNumber: '2',
      },
    });
    expect(got.logStreamName).toMatch(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
    expect(got.left).toBeGreaterThan(4_000);
    expect(got.left).toBeLessThanOrEqual(5_000);
    expect(got.names).toEqual(expect.arrayContaining(['clientContext', 'identity', 'getRemainingTimeInMillis']));
  });
});

describe('errors', () => {
  test('the causes of an error are told after its stack, each once, as far as they are errors', async () => {
    const { error } = errorOf(
      await box.once(`exports.handler = async () => {
        const deepest = Object.assign(new Error('no route'), { code: 'EHOST', cause: 'a text' });
        const middle = new TypeError('said already', { cause: deepest });
        throw new Error('fetch failed: said already', { cause: middle });
      }`),
    );
    expect(error.errorMessage).toBe('fetch failed: said already');
    expect(error.trace.filter((line) => line.startsWith('Caused by'))).toEqual(['Caused by: Error [EHOST]: no route']);
  });

  test('a cause that leads back to itself ends', async () => {
    const { error } = errorOf(
      await box.once(
        `exports.handler = async () => { const e = new Error('a'); const f = new Error('b', { cause: e }); e.cause = f; throw e }`,
      ),
    );
    expect(error.trace.filter((line) => line.startsWith('Caused by')).length).toBeLessThanOrEqual(4);
  });

  test.each([
    ['a thrown Error', 'throw new TypeError("boom")', 'TypeError', 'boom'],
    ['a rejected promise', 'return Promise.reject(new RangeError("far"))', 'RangeError', 'far'],
    ['callback(error)', 'cb(new Error("told"))', 'Error', 'told'],
    ['callback(text)', 'cb("text")', 'string', 'text'],
    ['context.fail()', 'c.fail()', 'string', 'handled'],
    ['a thrown string', 'throw "words"', 'string', 'words'],
    ['a thrown number', 'throw 5', 'number', '5'],
    ['a thrown symbol', 'throw Symbol("s")', 'symbol', 'Symbol(s)'],
    ['a thrown plain object', 'throw { code: 1 }', 'object', '[object Object]'],
    ['a frozen object', 'throw Object.freeze({})', 'object', '[object Object]'],
    ['a custom class', 'class Custom extends Error { name = "Custom" } throw new Custom("mine")', 'Custom', 'mine'],
    ['0x7F', 'throw new Error("a\\x7fb")', 'Error', 'a%7Fb'],
  ])('%s', async (_name, body, errorType, errorMessage) => {
    const outcome = errorOf(await box.once(`exports.handler = (e, c, cb) => { ${body} }`));
    expect(outcome).toMatchObject({ metric: 'error', error: { errorType, errorMessage } });
  });

  test.each([
    ['an error whose members throw', 'throw { get name() { throw 1 } }'],
    ['an object without toString', 'throw Object.create(null)'],
  ])('%s: the runtime says handled', async (_name, body) => {
    expect(errorOf(await box.once(`exports.handler = async () => { ${body} }`)).error.errorType).toBe('handled');
  });

  test('the trace names the function, not us', async () => {
    const { error } = errorOf(await box.once('exports.handler = async function run() {\n  throw new Error("here")\n}'));
    expect(error.trace).toEqual(['Error: here', '    at run (/var/task/index.js:2:9)']);
  });

  test.each([
    ['a cyclic result', 'const a = {}; a.a = a; return a', /^Unable to stringify response body: Converting circular/],
    ['a BigInt', 'return { n: 1n }', /^Unable to stringify response body: Do not know how/],
    ['a toJSON that throws', 'return { toJSON() { throw new Error("no") } }', /^Unable to stringify response body: no/],
  ])('%s fails', async (_name, body, message) => {
    expect(errorOf(await box.once(`exports.handler = async () => { ${body} }`)).error.errorMessage).toMatch(message);
  });

  test.each([
    ['Runtime.HandlerNotFound', 'exports.other = 1', {}, 'index.handler is undefined or not exported'],
    ['Runtime.HandlerNotFound', 'exports.handler = 1', {}, 'index.handler is not a function'],
    ['Runtime.MalformedHandlerName', 'exports.handler = 1', { exportPath: '' }, 'Bad handler'],
    ['Runtime.ImportModuleError', 'require("left-pad")', {}, "Cannot find module 'left-pad'"],
    ['Runtime.UserCodeSyntaxError', 'exports.handler = 1 +* 2', {}, "Unexpected token '*' [/var/task/index.js:1:22]"],
    ['ReferenceError', 'nope()', {}, 'nope is not defined'],
    ['Runtime.NodeJsExit', 'module.exports = new Promise(() => {})', {}, 'unexpected Node.js exit code'],
  ])('loading: %s', async (errorType, code, over, message) => {
    const { error } = errorOf(await box.once(code, {}, over));
    expect(error.errorType).toBe(errorType);
    expect(error.errorMessage).toContain(message);
  });

  test('what the process would have died of: unhandled rejection, exception in a timer, nothing left to settle', async () => {
    const kinds = box.version(`exports.handler = async (e) => {
      if (e.how === 'rejection') { Promise.reject(new Error('lost')); return 1 }
      if (e.how === 'timer') { setTimeout(() => { throw new Error('late') }, 1); await new Promise((r) => setTimeout(r, 1000)) }
      if (e.how === 'microtask') { queueMicrotask(() => { throw new Error('micro') }); await new Promise((r) => setTimeout(r, 1000)) }
      if (e.how === 'never') await new Promise(() => {});
      if (e.how === 'unref') { setTimeout(() => {}, 3000).unref(); await new Promise(() => {}) }
      return 'fine';
    }`);
    const died = async (how: string) => errorOf(await box.invoke(kinds, { how })).error;
    expect(await died('rejection')).toMatchObject({
      errorType: 'Runtime.UnhandledPromiseRejection',
      errorMessage: 'Error: lost',
    });
    expect(await died('timer')).toMatchObject({ errorType: 'Error', errorMessage: 'late' });
    expect(await died('microtask')).toMatchObject({ errorType: 'Error', errorMessage: 'micro' });
    expect(await died('never')).toMatchObject({ errorType: 'Runtime.NodeJsExit' });
    expect(await died('unref')).toMatchObject({ errorType: 'Runtime.NodeJsExit' });
    // Each of them used its child up: the next invocation is a cold start.
    const { outcome } = await box.invoke(kinds, {});
    expect(outcome).toMatchObject({
      kind: 'ok',
      result: '"fine"',
      report: { initDurationMs: expect.any(Number) as number },
    });
  });

  test('a rejection that is handled in time is none', async () => {
    expect(
      resultOf(
        await box.once(
          'exports.handler = async () => { const p = Promise.reject(1); await null; try { await p } catch { return "caught" } }',
        ),
      ),
    ).toBe('caught');
  });
});

describe('warm re-use', () => {
  test('module state stays, and only within the version', async () => {
    const code = 'let n = 0; exports.handler = async () => ++n';
    const one = box.version(code);
    const two = box.version(code);
    const first = await box.invoke(one);
    expect(first.outcome).toMatchObject({ result: '1', report: { initDurationMs: expect.any(Number) as number } });
    const second = await box.invoke(one);
    expect(second.outcome).toMatchObject({ result: '2' });
    expect(second.outcome).not.toHaveProperty('report.initDurationMs');
    expect(resultOf(await box.invoke(two))).toBe(1);
  });

  test('state stays after an error, is gone after a timeout', async () => {
    const version = box.version(
      'let n = 0; exports.handler = async (e) => { n++; if (e.fail) throw new Error("x"); if (e.spin) for (;;); return n }',
      { timeoutMs: 300 },
    );
    await box.invoke(version);
    errorOf(await box.invoke(version, { fail: true }));
    expect(resultOf(await box.invoke(version))).toBe(3);
    expect(errorOf(await box.invoke(version, { spin: true })).metric).toBe('timeout');
    expect(resultOf(await box.invoke(version))).toBe(1);
  });

  test('timers are frozen between invocations and go on in the next', async () => {
    const version = box.version(`
      let ticks = 0;
      exports.handler = async (e) => {
        if (e.start) { setInterval(() => { ticks++ }, 5); return 0 }
        const before = ticks;
        await new Promise((r) => setTimeout(r, 60));
        return [before, ticks > before];
      };`);
    await box.invoke(version, { start: true });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(resultOf(await box.invoke(version))).toEqual([0, true]);
  });

  test('timers run in the order of their time, cleared ones never', async () => {
    const got = await box.once(`exports.handler = async () => {
      const out = [];
      setTimeout(() => out.push('c'), 30); setTimeout(() => out.push('b'), 10); setImmediate(() => out.push('a'));
      clearTimeout(setTimeout(() => out.push('no'), 5)); clearTimeout(+setTimeout(() => out.push('no'), 5));
      const i = setInterval(() => { out.push('i'); if (out.filter((x) => x === 'i').length === 2) clearInterval(i) }, 15);
      await new Promise((r) => setTimeout(r, 80));
      return out.join('');
    }`);
    expect(resultOf(got)).toMatch(/^ab(iic|ici)$/);
  });
});

describe('log', () => {
  test('levels, formats, request id', async () => {
    const context = { requestId: 'req-9' };
    const version = box.version(`exports.handler = async () => {
      console.log('plain', 1, { a: [1] }); console.info('i'); console.warn('w'); console.error(new Error('e').message); console.debug('d'); console.trace('t');
      console.group('g'); console.log('in'); console.groupEnd(); console.assert(false, 'not so'); console.count(); console.count();
    }`);
    const { logs } = await box.invoke(version, {}, { context });
    expect(logs.map((line) => [line.level, line.text.split('\n')[0]])).toEqual([
      ['info', 'plain 1 {"a":[1]}'],
      ['info', 'i'],
      ['warn', 'w'],
      ['error', 'e'],
      ['debug', 'd'],
      ['trace', 'Trace: t'],
      ['info', 'g'],
      ['info', '  in'],
      ['error', 'Assertion failed: not so'],
      ['info', 'default: 1'],
      ['info', 'default: 2'],
    ]);
    expect(logs.every((line) => line.requestId === 'req-9')).toBe(true);
  });

  test('lines written while loading, and before a timeout, arrive', async () => {
    const { logs } = await box.once(
      'console.log("loading"); exports.handler = async () => { console.log("begin"); for (;;); }',
      {},
      { timeoutMs: 300 },
    );
    expect(logs.map((line) => line.text)).toEqual(['loading', 'begin']);
  });

  test('secrets are masked in lines and errors', async () => {
    const secret = 'correct-horse-battery';
    const invoked = await box.once(
      'exports.handler = async () => { console.log("key=" + "correct-horse" + "-battery"); throw new Error("bad correct-horse" + "-battery") }',
      {},
      { secrets: [secret] },
    );
    expect(invoked.logs[0]!.text).toBe('key=***');
    expect(JSON.stringify(errorOf(invoked))).not.toContain(secret);
    expect(errorOf(invoked).error.errorMessage).toBe('bad ***');
  });
});
