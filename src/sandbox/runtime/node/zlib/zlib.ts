/** node:zlib: sync, callback and stream forms of every format, by the child's own zlib. */
import { invalidArgument } from '../../errors.ts';
import type { ZlibFormat } from '../../hooks.ts';
import { unsupported } from '../unsupported.ts';
import { coderClass } from './coder-stream.ts';
import { bytesOf, runZlib, type ZlibOptions } from './coder.ts';
import { codes, constants } from './constants.ts';

type Callback = (error: Error | null, result?: Uint8Array) => void;

const FORMATS: Readonly<Record<string, ZlibFormat>> = {
  Deflate: 'deflate',
  Inflate: 'inflate',
  Gzip: 'gzip',
  Gunzip: 'gunzip',
  DeflateRaw: 'deflateRaw',
  InflateRaw: 'inflateRaw',
  Unzip: 'unzip',
  BrotliCompress: 'brotliCompress',
  BrotliDecompress: 'brotliDecompress',
  ZstdCompress: 'zstdCompress',
  ZstdDecompress: 'zstdDecompress',
};

function withCallback(format: ZlibFormat) {
  return (input: unknown, options: ZlibOptions | Callback, callback?: Callback): void => {
    const done = typeof options === 'function' ? options : callback;
    if (typeof done !== 'function') throw invalidArgument('callback', 'of type function', done);
    const bytes = bytesOf(input);
    // The work itself holds the handler up; only the answer comes later.
    setImmediate(() => {
      let result: Uint8Array;
      try {
        result = runZlib(format, bytes, typeof options === 'function' ? undefined : options);
      } catch (error) {
        return done(error as Error);
      }
      return done(null, result);
    });
  };
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(data: unknown, value = 0): number {
  let crc = ~value;
  for (const byte of bytesOf(data)) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function members(): Record<string, unknown> {
  const made: Record<string, unknown> = {
    crc32,
    constants: Object.freeze({ ...constants }),
    codes: Object.freeze({ ...codes }),
  };
  for (const [name, format] of Object.entries(FORMATS)) {
    const Class = coderClass(name, format);
    made[name] = Class;
    made[`create${name}`] = (options?: ZlibOptions) => new Class(options);
    made[format] = withCallback(format);
    made[`${format}Sync`] = (input: unknown, options?: ZlibOptions) => runZlib(format, input, options);
  }
  // Older spelling of the constants, which packages still read.
  for (const [name, value] of Object.entries(constants)) if (name.startsWith('Z_')) made[name] = value;
  return made;
}

export const zlib = unsupported('zlib', members());
