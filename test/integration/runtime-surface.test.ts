/** What a handler finds in the isolate beyond the language (issue list and contract.md, "Handlers"), beside what Node itself does. */
import { createHash, createHmac } from 'node:crypto';
import { format } from 'node:util';
import { describe, expect, test } from 'vitest';
import { errorOf, resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();
const run = async (body: string, event: unknown = {}) => resultOf(await box.run(body, event));

test('globals are there, named as they are called, and not enumerable', async () => {
  const names =
    'AbortController AbortSignal Blob Buffer CryptoKey CustomEvent DOMException Event EventTarget File FormData Headers ReadableStream Request ' +
    'Response TextDecoder TextEncoder URL URLSearchParams atob btoa clearImmediate clearInterval clearTimeout fetch queueMicrotask setImmediate ' +
    'setInterval setTimeout structuredClone';
  const result = await run(
    `return { wrong: event.filter((name) => typeof globalThis[name] !== 'function' || globalThis[name].name !== name),
    objects: [typeof crypto, typeof process, typeof performance, typeof console, globalThis === global],
    enumerable: Object.keys(globalThis), absent: [typeof __millrace, typeof require === 'function', typeof WebAssembly] }`,
    names.split(' '),
  );
  expect(result).toEqual({
    wrong: [],
    objects: ['object', 'object', 'object', 'object', true],
    enumerable: [],
    absent: ['undefined', true, 'undefined'],
  });
});

describe('Buffer', () => {
  const TEXTS = ['', 'plain', 'ü€😀 mixed', 'x'.repeat(5000), '€'.repeat(9000), '\ud800 lone', '\0\x7f\x80'];
  const encodings = ['utf8', 'base64', 'base64url', 'hex', 'latin1', 'ascii', 'utf16le', 'ucs-2', 'binary'] as const;
  test.each(encodings)('%s, both ways', async (encoding) => {
    // What Node makes of base64 with characters beyond latin1 depends on how the string is stored.
    const texts = encoding.startsWith('base64') ? TEXTS.filter((text) => !/[^\0-\x7f]/.test(text)) : TEXTS;
    const result = await run(
      `return event.texts.map((text) => { const b = Buffer.from(text, event.encoding); const u = Buffer.from(text);
        return [b.toString('hex'), u.toString(event.encoding), b.length, Buffer.byteLength(text, event.encoding) >= b.length] })`,
      { texts, encoding },
    );
    const expected = texts.map((text) => {
      const b = Buffer.from(text, encoding);
      return [b.toString('hex'), Buffer.from(text).toString(encoding), b.length, true];
    });
    expect(result).toEqual(expected);
  });

  test('base64 that is not well-formed is read as Node reads it', async () => {
    const texts = [
      'YQ',
      'YQ=',
      'YQ==',
      'YQ==YQ==',
      'Y Q = =',
      'YWJj\nZGVm',
      '_-_-',
      'a',
      '*YWJj*',
      'YWJjZA',
      'YWJj=ZGVm',
      '====',
      'YWJjZB==',
    ];
    const result = await run(
      `return event.map((text) => [Buffer.from(text, 'base64').toString('hex'), Buffer.from(text, 'base64url').toString('hex')])`,
      texts,
    );
    expect(result).toEqual(
      texts.map((text) => [
        Buffer.from(text, 'base64').toString('hex'),
        Buffer.from(text, 'base64url').toString('hex'),
      ]),
    );
  });

  test('bytes that are no UTF-8 become replacements, as in Node', async () => {
    const bytes = [
      'ff',
      'c0af',
      'e282',
      'f09f98',
      'eda080',
      'f4908080',
      '61e2ff62',
      'c3',
      'e28241',
      'f0808080',
      '80',
      'efbbbf41',
    ];
    const result = await run(`return event.map((hex) => Buffer.from(hex, 'hex').toString())`, bytes);
    expect(result).toEqual(bytes.map((hex) => Buffer.from(hex, 'hex').toString()));
  });

  const EXPRESSIONS = [
    `Buffer.concat([Buffer.from('ab'), new Uint8Array([99])]).toString()`,
    `Buffer.concat([Buffer.from('abc')], 2).toString()`,
    `Buffer.alloc(5, 'ab').toString()`,
    `Buffer.alloc(3, 1).toJSON()`,
    `Buffer.from([1, 256, -1, '5']).toJSON().data`,
    `Buffer.from({ type: 'Buffer', data: [1, 2] }).length`,
    `Buffer.from(new Uint16Array([1, 300])).toJSON().data`,
    `Buffer.from(new ArrayBuffer(4), 1, 2).length`,
    `Buffer.from('hello').subarray(1, -1).toString()`,
    `Buffer.from('hello').slice(-3).toString()`,
    `Buffer.from('hello').toString('utf8', 1, 3)`,
    `Buffer.from('hello').toString('hex', 3)`,
    `[Buffer.from('hello').indexOf('l'), Buffer.from('hello').lastIndexOf('l'), Buffer.from('hello').includes('lo')]`,
    `[Buffer.compare(Buffer.from('a'), Buffer.from('b')), Buffer.from('a').equals(new Uint8Array([97])), Buffer.from('b').compare(Buffer.from('a'))]`,
    `(() => { const b = Buffer.alloc(16); b.writeUInt32BE(1, 0); b.writeInt16LE(-2, 4); b.writeDoubleBE(1.5, 8); return [b.toString('hex'), b.readUInt32BE(0), b.readInt16LE(4), b.readDoubleBE(8)] })()`,
    `(() => { const b = Buffer.alloc(8); b.writeBigInt64BE(-5n, 0); return String(b.readBigInt64BE(0)) })()`,
    `(() => { const b = Buffer.alloc(6); return [b.write('€€€'), b.write('ab', 4), b.write('ff', 1, 'hex'), b.toString('hex')] })()`,
    `(() => { const b = Buffer.alloc(4); return [Buffer.from('abcdef').copy(b, 1, 2), b.toString('latin1')] })()`,
    `Buffer.from('abcd').swap16().toString()`,
    `[Buffer.isBuffer(Buffer.from('')), Buffer.isBuffer(new Uint8Array(1)), Buffer.isEncoding('UTF8'), Buffer.isEncoding('x')]`,
    `[Buffer.from('a') instanceof Uint8Array, Buffer.from('a').constructor.name, Buffer.from('abc').map((x) => x + 1) instanceof Buffer]`,
    `JSON.stringify(Buffer.from('a'))`,
    `[...Buffer.from('ab').entries()]`,
    `Buffer('ab').length + new Buffer('abc').length`,
    `[btoa('hé'), atob('aGk='), atob(' aGk ')]`,
  ];
  test.each(EXPRESSIONS)('%s', async (code) => {
    const expected = JSON.parse(JSON.stringify(new Function('Buffer', `return ${code}`)(Buffer))) as unknown;
    expect(await run(`return ${code}`)).toEqual(expected);
  });

  test.each([
    [`Buffer.from(5)`, 'ERR_INVALID_ARG_TYPE'],
    [`Buffer.from(null)`, 'ERR_INVALID_ARG_TYPE'],
    [`Buffer.from('a', 'x')`, 'ERR_UNKNOWN_ENCODING'],
    [`Buffer.alloc(-1)`, 'ERR_OUT_OF_RANGE'],
    [`Buffer.alloc('1')`, 'ERR_INVALID_ARG_TYPE'],
    [`Buffer.concat('a')`, 'ERR_INVALID_ARG_TYPE'],
  ])('%s throws %s', async (code, expected) => {
    expect(await run(`try { ${code}; return null } catch (error) { return error.code }`)).toBe(expected);
  });
});

describe('text', () => {
  test('TextEncoder and TextDecoder', async () => {
    const result = await run(`
      const d = new TextDecoder(); const e = new TextEncoder();
      const streamed = [...e.encode('a€😀b')].map((byte) => d.decode(new Uint8Array([byte]), { stream: true })).join('') + d.decode();
      let fatal; try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])) } catch (error) { fatal = error.code }
      return [streamed, d.decode(new Uint8Array([0xef, 0xbb, 0xbf, 65])), fatal, e.encodeInto('€€', new Uint8Array(4)),
        new TextDecoder('utf-16le').decode(new Uint8Array([65, 0])), new TextDecoder('latin1').decode(new Uint8Array([0x80, 0xe9])), d.encoding]`);
    expect(result).toEqual([
      'a€😀b',
      'A',
      'ERR_ENCODING_INVALID_ENCODED_DATA',
      { read: 1, written: 3 },
      'A',
      '€é',
      'utf-8',
    ]);
  });

  test('StringDecoder', async () => {
    const result = await run(`
      const { StringDecoder } = require('string_decoder');
      const each = (encoding, bytes) => { const d = new StringDecoder(encoding); return bytes.map((b) => d.write(Buffer.from([b]))).join('|') + d.end() };
      return [each('utf8', [0xe2, 0x82, 0xac]), each('base64', [1, 2, 3, 4]), each('utf16le', [0x3d, 0xd8, 0x4d, 0xdc]), each('utf8', [0xe2, 0x82])]`);
    expect(result).toEqual(['||€', '||AQID|BA==', '|||👍'.replace('👍', '\ud83d\udc4d'), '|\ufffd']);
  });
});

describe('crypto', () => {
  test('digests and HMACs as OpenSSL makes them', async () => {
    const result = await run(`
      const { createHash, createHmac } = require('node:crypto');
      const hashes = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];
      return [hashes.map((h) => createHash(h).update('a').update(Buffer.from('b')).digest('hex')),
        hashes.map((h) => createHmac(h, 'key').update('ab').digest('base64')),
        Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('ab'))).toString('hex'),
        createHash('sha256').digest('hex'), createHash('sha1').update('a').copy().update('b').digest('hex')]`);
    const hashes = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];
    expect(result).toEqual([
      hashes.map((h) => createHash(h).update('ab').digest('hex')),
      hashes.map((h) => createHmac(h, 'key').update('ab').digest('base64')),
      createHash('sha256').update('ab').digest('hex'),
      createHash('sha256').digest('hex'),
      createHash('sha1').update('ab').digest('hex'),
    ]);
  });

  test('random things are of the right form and differ', async () => {
    const result = (await run(`
      const c = require('crypto');
      const uuids = Array.from({ length: 300 }, () => crypto.randomUUID());
      return { uuids: new Set(uuids).size, form: uuids.every((u) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(u)),
        big: new Set(c.randomBytes(200000)).size, ints: Array.from({ length: 100 }, () => c.randomInt(3, 6)).every((n) => n >= 3 && n < 6),
        filled: crypto.getRandomValues(new Uint32Array(8)).some((n) => n > 0), equal: c.timingSafeEqual(Buffer.from('a'), Buffer.from('a')),
        quota: (() => { try { crypto.getRandomValues(new Uint8Array(65537)) } catch (e) { return e.name } })() }`)) as object;
    expect(result).toEqual({
      uuids: 300,
      form: true,
      big: 256,
      ints: true,
      filled: true,
      equal: true,
      quota: 'QuotaExceededError',
    });
  });

  test('what is not there says so in a sentence', async () => {
    const { error } = errorOf(await box.run(`require('crypto').createECDH('secp256k1')`));
    expect(error).toMatchObject({
      errorType: 'Error',
      errorMessage: expect.stringMatching(/^node:crypto: createECDH cannot be used: .*\.$/),
    });
  });
});

describe('structuredClone', () => {
  test('copies what can be copied', async () => {
    const result = await run(`
      const source = { d: new Date(5), r: /a/gi, m: new Map([['k', new Set([1])]]), u: new Uint8Array([1, 2]), e: new TypeError('x'), n: null, big: 5n, hole: [1, , 3] };
      source.self = source;
      const copy = structuredClone(source);
      return [copy !== source, copy.self === copy, copy.d.getTime(), String(copy.r), copy.m.get('k').has(1), [...copy.u], copy.u.buffer !== source.u.buffer,
        copy.e instanceof TypeError, copy.e.message, String(copy.big), 1 in copy.hole]`);
    expect(result).toEqual([true, true, 5, '/a/gi', true, [1, 2], true, true, 'x', '5', false]);
  });
  test.each(['() => 1', 'Symbol()', '{ a: { b() {} } }', 'Promise.resolve()', 'new WeakMap()'])(
    'refuses %s',
    async (code) => {
      expect(await run(`try { structuredClone(${code}) } catch (error) { return [error.name, error.code] }`)).toEqual([
        'DataCloneError',
        25,
      ]);
    },
  );
});

describe('console and util', () => {
  const CASES = [
    `['%s is %d and %i and %f', 'x', '42', 42.9, '1.5', 'more', { a: 1 }]`,
    `['%j %o %%', { a: [1] }, 'x']`,
    `[{ a: { b: { c: { d: 1 } } }, list: [1, 'two', null, undefined], f() {}, [Symbol('s')]: 1 }]`,
    `[[1, [2, [3, [4, [5]]]]]]`,
    `[new Map([['a', { b: 1 }]]), new Set([1, 'x'])]`,
    `['str', "it's", ["it's", 'a"b\\'', 'line\\n']]`,
    `[new Date(0), /x/g, Symbol('q'), 10n, -0, NaN]`,
    `[Object.create(null), new (class Foo { constructor() { this.x = 1 } })(), class A {}, class B extends Map {}, function named() {}, () => {}]`,
    `[Array.from({ length: 120 }, (_, i) => i)]`,
    `['a long object', { first: 'a'.repeat(30), second: 'b'.repeat(30), third: 'c'.repeat(30) }]`,
    `[[, 1, , , 2], [undefined, null], { a: undefined }]`,
    `[new Uint8Array(3), new ArrayBuffer(2).byteLength, Buffer.from('hi')]`,
    `[Object.assign(Object.create({ inherited: 1 }), { own: 2 }), { get x() { return 1 }, set y(v) {} }]`,
    `[{ 'quoted-key': 1, plain: 2, 3: 4 }, [{ a: 1, b: 2 }, { a: 3 }]]`,
    `[(() => { const o = { name: 'o' }; o.self = o; o.list = [o]; return o })()]`,
    `['%s %s', null, { toString() { return 'own' } }, '%s']`,
    `[true, 'x', new String('boxed'), new Number(1), [true, false]]`,
  ];
  test.each(CASES)('prints %s as Node does', async (code) => {
    const { logs } = await box.run(`console.log(...${code})`);
    const args = new Function('Buffer', `return ${code}`)(Buffer) as unknown[];
    expect(logs[0]!.text).toBe(format(...args));
  });

  test('errors are printed with their stack, cause and members', async () => {
    const { logs } = await box.run(
      `console.error(Object.assign(new TypeError('no', { cause: new Error('why') }), { code: 'E' }))`,
    );
    expect(logs[0]).toMatchObject({ level: 'error' });
    expect(logs[0]!.text).toMatch(/^TypeError: no\n {4}at [^]*code: 'E'[^]*\[cause\]: Error: why/);
  });

  test('promisify, types, inherits, deprecate, isDeepStrictEqual', async () => {
    const result = await run(`
      const util = require('node:util');
      function Old() { require('events').call(this) } util.inherits(Old, require('events'));
      const old = new Old(); let heard = 0; old.on('x', (n) => { heard += n }); old.emit('x', 2);
      return [await util.promisify((a, done) => done(null, a + 1))(1), util.types.isMap(new Map()), util.types.isMap({}), util.types.isTypedArray(Buffer.from('')),
        util.types.isPromise(Promise.resolve()), heard, old instanceof require('events').EventEmitter, util.isDeepStrictEqual({ a: [1, new Set([2])] }, { a: [1, new Set([2])] }),
        util.isDeepStrictEqual([1], ['1'])]`);
    expect(result).toEqual([2, true, false, true, true, 2, true, true, false]);
  });
});

describe('process', () => {
  test('is its own plain object, with nothing of the host', async () => {
    const outcome = await box.run(
      `process.env.NEW = 1; process.stdout.write('out\\n'); process.nextTick(() => console.log('tick'));
       await null; await null;
       return { env: process.env, version: /^v\\d+/.test(process.version), cwd: process.cwd(), up: process.uptime() >= 0, hr: process.hrtime().length,
        big: typeof process.hrtime.bigint(), memory: Object.keys(process.memoryUsage()).sort(), pid: process.pid, argv: process.argv.length, builtin: typeof process.getBuiltinModule('util').inspect }`,
      {},
      { environment: { STAGE: 'prod' } },
    );
    expect(resultOf(outcome)).toEqual({
      env: {
        STAGE: 'prod',
        NEW: 1,
        AWS_LAMBDA_FUNCTION_NAME: expect.stringMatching(/^fn-/) as string,
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '64',
        AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
        AWS_LAMBDA_LOG_GROUP_NAME: expect.stringMatching(/^\/aws\/lambda\/fn-/) as string,
        AWS_LAMBDA_LOG_STREAM_NAME: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/) as string,
        _HANDLER: 'index.handler',
      },
      version: true,
      cwd: '/var/task',
      up: true,
      hr: 2,
      big: 'bigint',
      memory: ['arrayBuffers', 'external', 'heapTotal', 'heapUsed', 'rss'],
      pid: 1,
      argv: 2,
      builtin: 'function',
    });
    expect(outcome.logs.map(({ text }) => text)).toEqual(['out', 'tick']);
  });

  test('exit ends the invocation as in Lambda', async () => {
    expect(errorOf(await box.run('process.exit(3); return 1')).error).toMatchObject({ errorType: 'Runtime.ExitError' });
  });
});

describe('modules', () => {
  test.each([
    [
      'path',
      `[p.join('a', '..', '/b', 'c/'), p.resolve('/a', '../b', 'c'), p.basename('/a/b.txt', '.txt'), p.extname('.rc'), p.extname('a.b.c'), p.dirname('/a/b/'), p.relative('/a/b/c', '/a/d'), p.normalize('./a//b/../c/'), p.parse('/x/y.tar.gz'), p.format({ dir: '/q', name: 'f', ext: 'e' }), p.isAbsolute('a'), p.sep]`,
    ],
    ['querystring', `[p.parse('a=1&b=2&a=3&c=%20x+y'), p.stringify({ a: [1, 2], b: 'ü x' })]`],
    [
      'url',
      `[new p.URL('../x?y#z', 'http://a.b/c/d').href, p.fileURLToPath('file:///a%20b/c'), p.pathToFileURL('/a b#c').href, p.parse('http://u:p@h:8/p?q=1#f').pathname]`,
    ],
    ['os', `[p.EOL, typeof p.tmpdir(), p.platform()]`],
    ['punycode', `[p.toASCII('mañana.com'), p.decode('maana-pta')]`],
  ])('%s is as in Node', async (name, code) => {
    const node = (await import(`node:${name}`)) as { default?: unknown };
    const expected = JSON.parse(JSON.stringify(new Function('p', `return ${code}`)(node.default ?? node))) as unknown;
    expect(await run(`const p = require('node:${name}'); return ${code}`)).toEqual(expected);
  });

  test('assert', async () => {
    const result = await run(`
      const assert = require('assert'); const say = (act) => { try { act(); return 'ok' } catch (e) { return [e.name, e.code, e.operator] } };
      return [say(() => assert(0)), say(() => assert.equal(1, '1')), say(() => assert.strictEqual(1, '1')), say(() => assert.deepStrictEqual({ a: [1] }, { a: [1] })),
        say(() => assert.deepEqual({ a: 1 }, { a: '1' })), say(() => assert.throws(() => { throw new TypeError('x') }, TypeError)), say(() => assert.throws(() => {})),
        say(() => assert.throws(() => { throw new Error('abc') }, /b/)), say(() => assert.strict.equal(1, '1')), await assert.rejects(Promise.reject(new Error('q')), { message: 'q' }) === undefined]`);
    const failed = (operator: string) => ['AssertionError', 'ERR_ASSERTION', operator];
    expect(result).toEqual([
      failed('=='),
      'ok',
      failed('strictEqual'),
      'ok',
      'ok',
      'ok',
      failed('throws'),
      'ok',
      failed('strictEqual'),
      true,
    ]);
  });

  test('events: once, on, errors', async () => {
    const result = await run(`
      const events = require('events'); const e = new events.EventEmitter(); const order = [];
      e.on('a', () => order.push('on')); e.prependListener('a', () => order.push('first')); e.once('a', () => order.push('once'));
      e.emit('a'); e.emit('a');
      setTimeout(() => e.emit('b', 1, 2), 1);
      let thrown; try { e.emit('error', new RangeError('r')) } catch (error) { thrown = error.name }
      return [order, await events.once(e, 'b'), thrown, e.listenerCount('a'), e.eventNames(), events === events.EventEmitter]`);
    expect(result).toEqual([['first', 'on', 'once', 'first', 'on'], [1, 2], 'RangeError', 2, ['a'], true]);
  });

  test('timers/promises and AbortSignal', async () => {
    const result = await run(`
      const { setTimeout: wait } = require('timers/promises'); const stop = new AbortController();
      setTimeout(() => stop.abort(), 1);
      const aborted = await wait(5000, 'x', { signal: stop.signal }).catch((e) => e.name);
      const timed = await new Promise((resolve) => { const s = AbortSignal.timeout(1); s.onabort = () => resolve(s.reason.name); setTimeout(() => {}, 50) });
      return [await wait(1, 'value'), aborted, timed, AbortSignal.any([AbortSignal.abort('r')]).reason]`);
    expect(result).toEqual(['value', 'AbortError', 'TimeoutError', 'r']);
  });

  test.each(['fs', 'net', 'child_process', 'http', 'dns', 'worker_threads'])(
    '%s can be imported, and says why when it is used',
    async (name) => {
      const { error } = errorOf(
        await box.run(
          `const m = require('node:${name}'); class X extends m.Something {}; const { connect } = m; connect('x')`,
        ),
      );
      expect(error.errorMessage).toMatch(new RegExp(`^node:${name}: connect cannot be used: .+\\.$`));
    },
  );

  test('what no bundle brought along is not found', async () => {
    expect(await run(`try { require('left-pad') } catch (e) { return e.code }`)).toBe('MODULE_NOT_FOUND');
  });
});
