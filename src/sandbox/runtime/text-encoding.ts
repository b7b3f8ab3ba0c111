/** TextEncoder and TextDecoder (utf-8, utf-16le, latin1), WHATWG Encoding. */
import { codecOf } from './codecs.ts';
import { nodeError } from './errors.ts';
import { utf8Decode, utf8Encode, utf8IncompleteTail, utf8Write } from './utf8.ts';

export class TextEncoder {
  get encoding(): string {
    return 'utf-8';
  }
  encode(text: unknown = ''): Uint8Array {
    return utf8Encode(String(text));
  }
  encodeInto(text: string, target: Uint8Array): { read: number; written: number } {
    return utf8Write(String(text), target, 0, target.length);
  }
}

/** Labels of the Encoding standard for what is supported; ASCII is windows-1252 there, which differs from latin1 in 0x80–0x9f only. */
const LABELS: Record<string, 'utf-8' | 'utf-16le' | 'windows-1252'> = {
  __proto__: null as never,
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'unicode-1-1-utf-8': 'utf-8',
  'utf-16le': 'utf-16le',
  'utf-16': 'utf-16le',
  'ucs-2': 'utf-16le',
  unicode: 'utf-16le',
  latin1: 'windows-1252',
  'iso-8859-1': 'windows-1252',
  'windows-1252': 'windows-1252',
  ascii: 'windows-1252',
  'us-ascii': 'windows-1252',
};
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function bytesOf(input: unknown): Uint8Array {
  if (input === undefined) return new Uint8Array(0);
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  throw nodeError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    'The "input" argument must be an instance of ArrayBuffer or ArrayBufferView.',
  );
}

export class TextDecoder {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  #kept = new Uint8Array(0);
  #begun = false;

  constructor(label: unknown = 'utf-8', options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    const encoding = LABELS[String(label).trim().toLowerCase()];
    if (encoding === undefined) {
      throw nodeError(RangeError, 'ERR_ENCODING_NOT_SUPPORTED', `The "${String(label)}" encoding is not supported`);
    }
    this.encoding = encoding;
    this.fatal = options?.fatal === true;
    this.ignoreBOM = options?.ignoreBOM === true;
  }

  decode(input?: unknown, options: { stream?: boolean } = {}): string {
    let bytes = bytesOf(input);
    const stream = options?.stream === true;
    if (this.#kept.length > 0) bytes = joined(this.#kept, bytes);
    let end = bytes.length;
    if (stream)
      end -= this.encoding === 'utf-8' ? utf8IncompleteTail(bytes, end) : this.encoding === 'utf-16le' ? end % 2 : 0;
    this.#kept = end < bytes.length ? bytes.slice(end) : new Uint8Array(0);
    let text = this.#text(bytes, end);
    if (!this.#begun && !this.ignoreBOM && this.encoding !== 'windows-1252' && text.charCodeAt(0) === 0xfeff)
      text = text.slice(1);
    this.#begun = stream && (this.#begun || end > 0);
    return text;
  }

  #text(bytes: Uint8Array, end: number): string {
    if (this.encoding === 'utf-16le') return codecOf('utf16le').slice(bytes, 0, end);
    if (this.encoding === 'windows-1252') {
      const text = codecOf('latin1').slice(bytes, 0, end);
      return text.replace(/[\x80-\x9f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]!);
    }
    if (!this.fatal) return utf8Decode(bytes, 0, end);
    const text = utf8Decode(bytes, 0, end, true);
    if (text === null)
      throw nodeError(
        TypeError,
        'ERR_ENCODING_INVALID_ENCODED_DATA',
        'The encoded data was not valid for encoding utf-8',
      );
    return text;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
