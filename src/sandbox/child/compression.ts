/** The child's own zlib, for node:zlib of the isolate: one call at a time, text in and out, bounded in both directions. */
import zlib from 'node:zlib';

type Coder = (input: Buffer, options: Record<string, unknown>) => Buffer;

const CODERS: ReadonlyMap<string, Coder> = new Map<string, Coder>([
  ['gzip', zlib.gzipSync],
  ['gunzip', zlib.gunzipSync],
  ['deflate', zlib.deflateSync],
  ['inflate', zlib.inflateSync],
  ['deflateRaw', zlib.deflateRawSync],
  ['inflateRaw', zlib.inflateRawSync],
  ['unzip', zlib.unzipSync],
  ['brotliCompress', zlib.brotliCompressSync],
  ['brotliDecompress', zlib.brotliDecompressSync],
  ['zstdCompress', zlib.zstdCompressSync],
  ['zstdDecompress', zlib.zstdDecompressSync],
]);
/** Options are few numbers; a dictionary has at most 32 KB before base64. */
const OPTIONS_CHARS_MAX = 64 * 1024;
const NUMBERS = ['level', 'windowBits', 'memLevel', 'strategy', 'finishFlush', 'chunkSize'] as const;

/** Base64 of the outcome; or `!` and JSON of the error's name, message, code and errno. */
export function compression(bytesMax: number): (format: string, options: string, bytes: string) => string {
  return (format, options, bytes) => {
    try {
      const coder = CODERS.get(format);
      if (coder === undefined) throw new RangeError('unknown format');
      if (typeof bytes !== 'string' || bytes.length > Math.ceil(bytesMax / 3) * 4) throw tooLarge(bytesMax);
      return coder(Buffer.from(bytes, 'base64'), readOptions(options, bytesMax)).toString('base64');
    } catch (error) {
      const { name, message, code, errno } = error as NodeJS.ErrnoException;
      return `!${JSON.stringify({ name, message, code, errno })}`;
    }
  };
}

function tooLarge(bytesMax: number): Error {
  return Object.assign(new RangeError(`Cannot create a Buffer larger than ${bytesMax} bytes`), {
    code: 'ERR_BUFFER_TOO_LARGE',
  });
}

/** Nothing of it is trusted: what is no number is left out, and zlib itself judges the numbers. */
function readOptions(text: string, bytesMax: number): Record<string, unknown> {
  if (typeof text !== 'string' || text.length > OPTIONS_CHARS_MAX) throw new RangeError('the options are too large');
  const given = JSON.parse(text) as Record<string, unknown>;
  const options: Record<string, unknown> = {};
  for (const name of NUMBERS) if (typeof given[name] === 'number') options[name] = given[name];
  if (typeof given['dictionary'] === 'string') options['dictionary'] = Buffer.from(given['dictionary'], 'base64');
  if (typeof given['params'] === 'object' && given['params'] !== null) {
    const numbers = Object.entries(given['params']).filter(([, value]) => typeof value === 'number');
    options['params'] = Object.fromEntries(numbers);
  }
  const wanted = given['maxOutputLength'];
  options['maxOutputLength'] = typeof wanted === 'number' ? Math.min(wanted, bytesMax) : bytesMax;
  return options;
}
