/** The streams of the web, beside Node's own: classes, pipes, transforms, and the ways between them and Node's streams. */
import { expect, test } from 'vitest';
import { inNode, resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();

const CASES: Readonly<Record<string, string>> = {
  'pipes and transforms': `const upper = new TransformStream({ transform(chunk, c) { c.enqueue(chunk.toUpperCase()) }, flush(c) { c.enqueue('.') } }); const out = [];
    await ReadableStream.from(['a', 'b']).pipeThrough(upper).pipeTo(new WritableStream({ write(chunk) { out.push(chunk) }, close() { out.push('closed') } })); return out`,
  'back-pressure': `const log = []; const s = new ReadableStream({ pull(c) { log.push('pull ' + c.desiredSize); c.enqueue(log.length); if (log.length === 3) c.close() } }, { highWaterMark: 2 }); await null; await null; const before = log.length; const all = []; for await (const x of s) all.push(x); return [before > 0, all, log.length]`,
  'errors, aborts and locks': `const say = (p) => p.then(() => 'ok', (e) => e?.name ?? e); const s = new ReadableStream({ pull(c) { c.error(new RangeError('r')) } }); const reader = s.getReader(); const locked = (() => { try { s.getReader() } catch (e) { return e.name } })();
    const stop = new AbortController(); stop.abort(); return [await say(reader.read()), await say(reader.closed), locked, s.locked, await say(new ReadableStream().pipeTo(new WritableStream(), { signal: stop.signal })), await say(new WritableStream({ write() { throw new TypeError('w') } }).getWriter().write('x'))]`,
  'a byte stream into a buffer of one’s own': `const reader = new Blob(['hello']).stream().getReader({ mode: 'byob' }); const { value, done } = await reader.read(new Uint8Array(10)); const next = await reader.read(new Uint8Array(4)); return [new TextDecoder().decode(value), done, next.done]`,
  'bodies of fetch': `const body = new Response('hällo').body; const parts = []; for await (const chunk of body.pipeThrough(new TextDecoderStream())) parts.push(chunk); const used = new Response('x'); await used.text();
    const [a, b] = new Response('tee').body.tee(); const stream = new Response(ReadableStream.from([new TextEncoder().encode('ab'), new TextEncoder().encode('c')])); return [parts.join(''), used.bodyUsed, await new Response(a).text(), await new Response(b).text(), await stream.clone().text(), await stream.text(), stream.bodyUsed, new Response(null).body, await new Response(new Response('').body).text()]`,
  'text and its halves': `const out = []; for await (const chunk of ReadableStream.from(['a\\ud83d', '\\udc4d', '\\ud83d']).pipeThrough(new TextEncoderStream())) out.push(...chunk); const text = []; for await (const chunk of ReadableStream.from([new Uint8Array([0xe2, 0x82]), new Uint8Array([0xac, 65])]).pipeThrough(new TextDecoderStream())) text.push(chunk);
    return [out, text.join(''), new TextDecoderStream('utf-8', { fatal: true }).fatal, new TextEncoderStream().encoding]`,
  compression: `const collect = async (s) => { const all = []; for await (const c of s) all.push(c); return Buffer.concat(all) }; const say = (p) => p.then(() => 'ok', (e) => e.name); const result = [];
    for (const format of ['gzip', 'deflate', 'deflate-raw']) { const small = await collect(new Blob(['x'.repeat(10000)]).stream().pipeThrough(new CompressionStream(format))); result.push(small.length < 100, (await collect(ReadableStream.from([small]).pipeThrough(new DecompressionStream(format)))).length) }
    return [result, await say(collect(ReadableStream.from([new Uint8Array([1, 2, 3])]).pipeThrough(new DecompressionStream('gzip')))), (() => { try { new CompressionStream('x') } catch (e) { return e.name } })()]`,
  'Node’s writable as the web’s, and back': `const { Writable, Readable, Duplex, PassThrough } = require('stream'); const out = []; await ReadableStream.from(['a', 'b']).pipeTo(Writable.toWeb(new Writable({ highWaterMark: 1, objectMode: true, write(c, e, d) { setTimeout(() => { out.push(c); d() }, 1) }, final(d) { out.push('final'); d() } })));
    const back = []; await require('stream/promises').pipeline(['c', 'd'], Writable.fromWeb(new WritableStream({ write(c) { back.push(String(c)) }, close() { back.push('closed') } }))); const { readable, writable } = Duplex.toWeb(new PassThrough()); const writer = writable.getWriter(); writer.write(Buffer.from('e')); writer.close(); const through = []; for await (const c of readable) through.push(String.fromCharCode(...c));
    const duplex = Duplex.fromWeb(new TransformStream({ transform(c, k) { k.enqueue(String(c) + '!') } }), { encoding: 'utf8', objectMode: true }); duplex.end('f'); const last = []; for await (const c of duplex) last.push(String(c)); return [out, back, through, last]`,
  'failures cross': `const { Writable, Readable } = require('stream'); const say = (p) => p.then(() => 'ok', (e) => e.message); const failing = Readable.toWeb(new Readable({ read() { this.destroy(new Error('from Node')) } })); const fromWeb = Readable.fromWeb(new ReadableStream({ pull(c) { c.error(new Error('from the web')) } }, { highWaterMark: 0 }));
    const sink = Writable.toWeb(new Writable({ write(c, e, d) { d(new Error('full')) } })); return [await say(failing.getReader().read()), await say((async () => { for await (const x of fromWeb); })()), await say(ReadableStream.from(['x', 'y']).pipeTo(sink)), (() => { try { Readable.fromWeb({}) } catch (e) { return e.code } })()]`,
  cancelled: `const { Readable } = require('stream'); const source = new Readable({ read() { this.push('x') } }); let closed = false; source.on('close', () => { closed = true }); source.on('error', () => {}); const web = Readable.toWeb(source); const reader = web.getReader(); await reader.read(); await reader.cancel(); await new Promise((r) => setTimeout(r, 5)); return [source.destroyed, closed]`,
  strategies: `return [new CountQueuingStrategy({ highWaterMark: 3 }).size('xx'), new ByteLengthQueuingStrategy({ highWaterMark: 3 }).size(new Uint8Array(5)), require('stream/web').ReadableStream === ReadableStream, require('stream/web').TransformStream === TransformStream, ReadableStream.name, WritableStream.name]`,
  'structuredClone takes what is to be transferred': `const buffer = new Uint8Array([1, 2]).buffer; const copy = structuredClone({ buffer }, { transfer: [buffer] }); return [...new Uint8Array(copy.buffer)]`,
};

test.each(Object.entries(CASES))('%s', async (_name, body) => {
  expect(resultOf(await box.run(body))).toEqual(await inNode(body));
});
