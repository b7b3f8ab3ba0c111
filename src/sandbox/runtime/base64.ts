/**
 * Base64 both ways. V8 14 (Node 26) has native methods on Uint8Array, six times as fast as the loops below, which serve Node 24 and
 * whatever the strict native decoder refuses: Node's own decoder skips foreign characters and takes both alphabets.
 */
import { stringFromCodes, uncurry } from './host.ts';

interface NativeBase64 {
  setFromBase64?(text: string): { read: number; written: number };
  toBase64?(options?: { alphabet?: 'base64' | 'base64url'; omitPadding?: boolean }): string;
}

const native = Uint8Array.prototype as Uint8Array & NativeBase64;
const nativeDecode = native.setFromBase64 === undefined ? undefined : uncurry(native.setFromBase64);
const nativeEncode = native.toBase64 === undefined ? undefined : uncurry(native.toBase64);

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const ALPHABET_URL = `${ALPHABET.slice(0, 62)}-_`;
const VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) {
  VALUES[ALPHABET.charCodeAt(i)] = i;
  VALUES[ALPHABET_URL.charCodeAt(i)] = i;
}
const EQUALS = 61;

/** Bytes that well-formed text decodes to; an upper bound for any other. */
export function base64Length(text: string): number {
  let length = text.length;
  if (length > 0 && text.charCodeAt(length - 1) === EQUALS) length--;
  if (length > 0 && text.charCodeAt(length - 1) === EQUALS) length--;
  return Math.floor((length * 3) / 4);
}

/** Decodes into `target`, which holds `base64Length(text)` bytes from its beginning; answers how many it wrote. */
export function base64Write(text: string, target: Uint8Array): number {
  if (nativeDecode !== undefined) {
    try {
      const done = nativeDecode(target as Uint8Array & NativeBase64, text);
      if (done.read === text.length) return done.written;
    } catch {
      // Not well-formed: decoded leniently below, as Node does.
    }
  }
  return decodeLenient(text, target);
}

function decodeLenient(text: string, target: Uint8Array): number {
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === EQUALS) break;
    const value = code < 128 ? VALUES[code]! : -1;
    if (value < 0) continue;
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      if (at >= target.length) break;
      target[at++] = (held >> bits) & 0xff;
    }
  }
  return at;
}

export function base64Encode(bytes: Uint8Array, start: number, end: number, url: boolean): string {
  const part = start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
  if (nativeEncode !== undefined) {
    const self = part as Uint8Array & NativeBase64;
    return url ? nativeEncode(self, { alphabet: 'base64url', omitPadding: true }) : nativeEncode(self);
  }
  return encodeLoop(part, url);
}

function encodeLoop(bytes: Uint8Array, url: boolean): string {
  const alphabet = url ? ALPHABET_URL : ALPHABET;
  const code = (value: number) => alphabet.charCodeAt(value & 63);
  let text = '';
  let i = 0;
  for (; i + 2 < bytes.length; i += 3) {
    const three = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    text += stringFromCodes(code(three >> 18), code(three >> 12), code(three >> 6), code(three));
  }
  const rest = bytes.length - i;
  if (rest === 0) return text;
  const last = (bytes[i]! << 16) | (rest === 2 ? bytes[i + 1]! << 8 : 0);
  text += alphabet[last >> 18]! + alphabet[(last >> 12) & 63]!;
  if (rest === 2) text += alphabet[(last >> 6) & 63]!;
  return url ? text : text + '='.repeat(3 - rest);
}
