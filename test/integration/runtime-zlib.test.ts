/** node:zlib, beside Node's own: every format, in every form; and its bounds. */
import { describe, expect, test } from 'vitest';
import { ZLIB_BYTES_MAX } from '../../src/limits.ts';
import { inNode, resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();
const run = async (body: string) => resultOf(await box.run(body, {}, { memorySizeMb: 256 }));

const PAIRS = [
  ['gzip', 'gunzip'],
  ['deflate', 'inflate'],
  ['deflateRaw', 'inflateRaw'],
  ['gzip', 'unzip'],
  ['deflate', 'unzip'],
  ['brotliCompress', 'brotliDecompress'],
  ['zstdCompress', 'zstdDecompress'],
] as const;

test.each(PAIRS)('%s and %s: sync, callback, promise and stream', async (there, back) => {
  const body = `
    const zlib = require('node:zlib'); const { promisify } = require('util'); const { pipeline } = require('stream/promises'); const { Readable } = require('stream');
    const text = 'Repetition, repetition, ü€😀. '.repeat(4000); const small = zlib.${there}Sync(text);
    const called = await new Promise((resolve, reject) => zlib.${there}(Buffer.from(text), (error, result) => error ? reject(error) : resolve(result)));
    const promised = await promisify(zlib.${back})(called);
    const parts = []; const name = (word) => 'create' + word[0].toUpperCase() + word.slice(1);
    await pipeline(Readable.from([Buffer.from(text.slice(0, 50000)), Buffer.from(text.slice(50000))]), zlib[name('${there}')](), zlib[name('${back}')](),
      async (source) => { for await (const part of source) parts.push(part) });
    return [called.length > 10, small.length, Buffer.isBuffer(small), zlib.${back}Sync(small).toString() === text, promised.toString() === text, parts.length > 0, Buffer.concat(parts).toString() === text]`;
  expect(await run(body)).toEqual(await inNode(body));
});

const SAY = `const zlib = require('zlib'); const say = (act) => { try { return act() } catch (error) { return [error.name, error.code, error.errno, error.message] } };`;
const CASES: Readonly<Record<string, string>> = {
  'what is broken': `return [say(() => zlib.gunzipSync('nonsense')), say(() => zlib.inflateSync(zlib.deflateSync('x').subarray(0, 5))), say(() => zlib.brotliDecompressSync('xyzzy')),
    say(() => zlib.zstdDecompressSync('xyzzy')), say(() => zlib.gzipSync('x', { level: 99 })), say(() => zlib.gunzipSync(5)).slice(0, 2), say(() => zlib.gunzipSync(''))]`,
  options: `const long = 'abc'.repeat(1000); return [zlib.gzipSync(long, { level: 0 }).length, zlib.gzipSync(long, { level: 9, memLevel: 9 }).length, zlib.deflateSync(long, { windowBits: 9, strategy: 2 }).length,
    zlib.brotliCompressSync(long, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }).length, zlib.inflateSync(zlib.deflateSync('dictionary words', { dictionary: Buffer.from('words dictionary') }), { dictionary: Buffer.from('words dictionary') }).toString(),
    say(() => zlib.inflateSync(zlib.deflateSync('x', { dictionary: Buffer.from('y') }))), say(() => zlib.gunzipSync(zlib.gzipSync(long), { maxOutputLength: 10 }))]`,
  'input that is cut, for who wants what there is': `const whole = zlib.gzipSync('what there is of it, and more'.repeat(100)); return zlib.gunzipSync(whole.subarray(0, 60), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).toString().slice(0, 20)`,
  'members, one after the other': `return zlib.gunzipSync(Buffer.concat([zlib.gzipSync('one '), zlib.gzipSync('two')])).toString()`,
  'typed arrays and buffers': `return [new Uint16Array([1, 2, 3]), new DataView(new ArrayBuffer(4)), new Uint8Array([1, 2]).buffer].map((input) => zlib.inflateRawSync(zlib.deflateRawSync(input)).toString('hex'))`,
  crc32: `return [zlib.crc32('hello'), zlib.crc32(Buffer.from('world'), zlib.crc32('hello ')), zlib.crc32('')]`,
  constants: `return [zlib.constants, zlib.codes, zlib.Z_BEST_SPEED]`,
  classes: `return [zlib.createGzip() instanceof zlib.Gzip, zlib.Gzip() instanceof require('stream').Transform, new zlib.Gunzip().constructor.name, zlib.BrotliCompress.name]`,
  'a stream that fails': `return new Promise((resolve) => { const log = []; const stream = zlib.createGunzip(); stream.on('error', (error) => log.push(error.code)); stream.on('close', () => resolve(log)); stream.end('nonsense') })`,
  'flush and close': `return new Promise((resolve) => { const log = []; const stream = zlib.createGzip(); stream.write('x'); stream.flush(() => { log.push('flushed', stream.bytesWritten); stream.close(() => { log.push('closed'); resolve(log) }) }); stream.resume() })`,
};
test.each(Object.entries(CASES))('%s', async (_name, body) => {
  expect(await run(SAY + body)).toEqual(await inNode(SAY + body));
});

describe('bounds', () => {
  test('a small input that holds a large output, and a large input, are refused', async () => {
    const result = await run(`${SAY}
      const large = ${ZLIB_BYTES_MAX} + 1; const bomb = zlib.gzipSync(Buffer.alloc(2 ** 24)); const bombs = Buffer.concat([bomb, bomb, zlib.gzipSync(Buffer.alloc(1))]);
      return [bombs.length < 100_000, say(() => zlib.gunzipSync(bombs)), say(() => zlib.gunzipSync(bombs, { maxOutputLength: 1e12 })), say(() => zlib.deflateSync(Buffer.alloc(large)))]`);
    const refused = [
      'RangeError',
      'ERR_BUFFER_TOO_LARGE',
      null,
      `Cannot create a Buffer larger than ${ZLIB_BYTES_MAX} bytes`,
    ];
    expect(result).toEqual([true, refused, refused, refused]);
  });

  test('replaced built-ins do not change what crosses', async () => {
    const result = await run(`${SAY}
      JSON.stringify = () => 'x'; JSON.parse = () => ({}); Uint8Array.fromBase64 = () => null; Array.prototype.push = () => 0;
      return [zlib.gunzipSync(zlib.gzipSync('as it was', { level: 1 })).toString(), say(() => zlib.gunzipSync('nonsense'))[1]]`);
    expect(result).toEqual(['as it was', 'Z_DATA_ERROR']);
  });
});
