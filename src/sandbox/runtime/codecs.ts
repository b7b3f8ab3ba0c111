/** The encodings of Buffer, each as four functions over a byte range. */
import { base64Encode, base64Length, base64Write } from './base64.ts';
import { nodeError } from './errors.ts';
import { stringFromCodes } from './host.ts';
import { latin1Decode, utf8Decode, utf8Length, utf8Write } from './utf8.ts';

export interface Codec {
  readonly name: string;
  /** Bytes that `text` takes; an upper bound for text that is not well-formed. */
  length(text: string): number;
  /** Writes from the beginning of `target`; answers the bytes written, whole characters only. */
  write(text: string, target: Uint8Array): number;
  slice(bytes: Uint8Array, start: number, end: number): string;
}

const utf8: Codec = {
  name: 'utf8',
  length: utf8Length,
  write: (text, target) => utf8Write(text, target, 0, target.length).written,
  slice: (bytes, start, end) => utf8Decode(bytes, start, end),
};

const latin1: Codec = {
  name: 'latin1',
  length: (text) => text.length,
  write(text, target) {
    const count = Math.min(text.length, target.length);
    for (let i = 0; i < count; i++) target[i] = text.charCodeAt(i);
    return count;
  },
  slice: latin1Decode,
};

const ascii: Codec = {
  ...latin1,
  name: 'ascii',
  slice: (bytes, start, end) =>
    latin1Decode(
      bytes.slice(start, end).map((byte) => byte & 0x7f),
      0,
      end - start,
    ),
};

const utf16le: Codec = {
  name: 'utf16le',
  length: (text) => text.length * 2,
  write(text, target) {
    const count = Math.min(text.length, target.length >>> 1);
    for (let i = 0; i < count; i++) {
      const unit = text.charCodeAt(i);
      target[2 * i] = unit & 0xff;
      target[2 * i + 1] = unit >> 8;
    }
    return count * 2;
  },
  slice(bytes, start, end) {
    let text = '';
    for (let i = start; i + 1 < end; i += 2) text += stringFromCodes(bytes[i]! | (bytes[i + 1]! << 8));
    return text;
  },
};

const HEX = '0123456789abcdef';

const hex: Codec = {
  name: 'hex',
  length: (text) => text.length >>> 1,
  write(text, target) {
    const count = Math.min(text.length >>> 1, target.length);
    for (let i = 0; i < count; i++) {
      const byte = hexDigit(text.charCodeAt(2 * i)) * 16 + hexDigit(text.charCodeAt(2 * i + 1));
      if (Number.isNaN(byte)) return i;
      target[i] = byte;
    }
    return count;
  },
  slice(bytes, start, end) {
    let text = '';
    for (let i = start; i < end; i++) text += HEX[bytes[i]! >> 4]! + HEX[bytes[i]! & 15]!;
    return text;
  },
};

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : NaN;
}

/** Node lets a string longer than a partial buffer fill what there is; so `target` may be shorter than the text decodes to. */
function base64Partial(text: string, target: Uint8Array): number {
  const whole = base64Length(text);
  if (whole <= target.length) return base64Write(text, target.subarray(0, whole));
  const scratch = new Uint8Array(whole);
  const written = Math.min(base64Write(text, scratch), target.length);
  target.set(scratch.subarray(0, written));
  return written;
}

const base64: Codec = {
  name: 'base64',
  length: base64Length,
  write: base64Partial,
  slice: (bytes, start, end) => base64Encode(bytes, start, end, false),
};

const base64url: Codec = {
  ...base64,
  name: 'base64url',
  slice: (bytes, start, end) => base64Encode(bytes, start, end, true),
};

const CODECS = new Map<string, Codec>([
  ['utf8', utf8],
  ['utf-8', utf8],
  ['base64', base64],
  ['base64url', base64url],
  ['hex', hex],
  ['latin1', latin1],
  ['binary', latin1],
  ['ascii', ascii],
  ['utf16le', utf16le],
  ['utf-16le', utf16le],
  ['ucs2', utf16le],
  ['ucs-2', utf16le],
]);
const find = Map.prototype.get.bind(CODECS) as (name: string) => Codec | undefined;

export { utf8 as utf8Codec };

export function codecOrNull(encoding: unknown): Codec | undefined {
  if (encoding === undefined || encoding === null || encoding === '') return utf8;
  if (typeof encoding !== 'string') return undefined;
  return find(encoding) ?? find(encoding.toLowerCase());
}

export function codecOf(encoding: unknown): Codec {
  const codec = codecOrNull(encoding);
  if (codec === undefined) throw nodeError(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${String(encoding)}`);
  return codec;
}
