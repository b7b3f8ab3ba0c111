/** node:stream and node:events, beside Node's own. */
import { expect, test } from 'vitest';
import { inNode, resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();

const CASES: Readonly<Record<string, string>> = {
  'a pipeline of generators': `
    const { Readable, Transform, pipeline } = require('stream');
    const out = [];
    await require('stream/promises').pipeline(Readable.from(['a','b','c']), new Transform({ transform(c, e, d) { d(null, String(c).toUpperCase()) } }), async function* (s) { for await (const c of s) yield c + '!' }, async (s) => { for await (const c of s) out.push(String(c)) });
    return out.join('').replaceAll('!', '');`,
  "a decoder, and the module's own members": `
    const s = require('stream');
    const r = new s.PassThrough();
    r.end(Buffer.from('hällo'));
    r.setEncoding('utf8');
    return [await require('stream/consumers').text(r), s === s.Stream, s.promises === require('stream/promises'), s.getDefaultHighWaterMark(false)]`,
  consumers: `
    const { Readable } = require('stream');
    const c = require('stream/consumers');
    return [(await c.buffer(Readable.from(['x', Buffer.from('y')]))).toString(), await c.json(Readable.from(['{"a":', '1}'])), (await c.arrayBuffer(Readable.from([Buffer.from('abc')]))).byteLength]`,
  "to the web's streams and back": `
    const { Readable } = require('stream');
    const w = Readable.toWeb(Readable.from([Buffer.from('a'), Buffer.from('b')]));
    let t = '';
    for await (const c of w) t += new TextDecoder().decode(c);
    const back = [];
    for await (const c of Readable.fromWeb(new ReadableStream({ start(c) { c.enqueue('1'); c.enqueue('2'); c.close() } }))) back.push(String(c));
    return [t, back]`,
  'back-pressure and the order of events': `
    const { Writable } = require('stream');
    const log = [];
    const w = new Writable({ highWaterMark: 3, write(c, e, d) { log.push('w' + c);
    setTimeout(d, 1) }, final(d) { log.push('final'); d() } });
    w.on('drain', () => log.push('drain'));
    w.on('finish', () => log.push('finish'));
    w.on('close', () => log.push('close')); log.push(w.write('abc')); log.push(w.write('d'));
    w.end();
    await new Promise((r) => w.on('close', r));
    return log`,
  operators: `
    const { Readable } = require('stream');
    return [await Readable.from([1,2,3,4]).filter((x) => x % 2).map((x) => x * 2).toArray(), await Readable.from([1,2,3]).reduce((a, b) => a + b, 0)]`,
  'destroyed and failing streams': `
    const { Readable, finished } = require('stream');
    const r = new Readable({ read() {} });
    const got = [];
    finished(r, (e) => got.push(e?.code ?? e?.message));
    r.destroy();
    await new Promise((r) => setTimeout(r, 5));
    const r2 = new Readable({ read() { this.destroy(new Error('bad')) } }); r2.on('error', (e) => got.push('error ' + e.message)); r2.on('close', () => got.push('close')); r2.resume();
    await new Promise((r) => setTimeout(r, 5));
    return got`,
  'two ends of one channel': `
    const { duplexPair } = require('stream');
    const [a, b] = duplexPair();
    a.end('hi');
    let t = '';
    for await (const c of b) t += c;
    return t`,
  'errors of an async iterator': `
    const { Readable } = require('stream');
    const e = [];
    try { for await (const x of Readable.from((async function* () { yield 1; throw new TypeError('q') })())) e.push(x) } catch (x) { e.push(x.name, x.message) } return e`,
  'captured rejections and the error monitor': `
    const EE = require('events');
    const e = new EE({ captureRejections: true });
    const got = [];
    e.on('x', async () => { throw new Error('r') });
    e.on('error', (x) => got.push(x.message));
    e.on(EE.errorMonitor, (x) => got.push('m' + x.message));
    e.emit('x');
    await new Promise((r) => setTimeout(r, 5));
    return [got, e.listenerCount('x'), EE.getEventListeners(e, 'x').length]`,
  'events.on and events.once': `
    const EE = require('events');
    const e = new EE();
    const it = EE.on(e, 'a');
    e.emit('a', 1);
    e.emit('a', 2);
    const got = [];
    for await (const v of it) { got.push(v); if (got.length === 2) break } const ac = new AbortController();
    setTimeout(() => ac.abort(), 1);
    const er = await EE.once(e, 'z', { signal: ac.signal }).catch((x) => [x.name, x.code, x.message]);
    return [got, er, e.listenerCount('a')]`,
  'classes are what they extend': `
    const { Stream, Readable, Writable, Duplex, EventEmitter } = require('stream');
    const EE = require('events');
    const d = new Duplex({ read() {}, write() {} });
    return [d instanceof Readable, d instanceof Writable, d instanceof EE, d instanceof Stream, Writable.prototype instanceof EE]`,
  'data, end, close': `
    const { Readable } = require('stream');
    const { createReadStream } = {};
    const order = [];
    const r = Readable.from(['a']);
    r.on('data', () => order.push('data'));
    r.on('end', () => order.push('end'));
    r.on('close', () => order.push('close'));
    process.nextTick(() => order.push('tick'));
    Promise.resolve().then(() => order.push('micro'));
    setImmediate(() => order.push('immediate'));
    await new Promise((r) => setTimeout(r, 10));
    return order.slice().sort()`,
  pipe: `
    const { Readable, Writable } = require('stream');
    const r = Readable.from(Array.from({ length: 1000 }, (_, i) => 'line ' + i));
    let n = 0;
    const w = new Writable({ objectMode: true, write(c, e, d) { n += c.length; d() } });
    r.pipe(w);
    await new Promise((r) => w.on('finish', r));
    return n`,
  'aborted by a signal': `
    const { Readable, addAbortSignal } = require('stream');
    const ac = new AbortController();
    const r = addAbortSignal(ac.signal, new Readable({ read() {} }));
    setTimeout(() => ac.abort(), 1);
    try { for await (const x of r); } catch (e) { return [e.name, e.code, e.message] }`,
};

test.each(Object.entries(CASES))('%s', async (_name, body) => {
  expect(resultOf(await box.run(body))).toEqual(await inNode(body));
});
