/** Bytes cross as base64 text. V8 has the codec from 14 on (Node 26); on Node 24 it is done by hand. */
import { charCodeAt, fromCharCode, NativeUint8Array, reflectApply } from './primordials.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
type Base64Statics = { fromBase64?: (text: string) => Uint8Array };
type Base64Methods = { toBase64?: () => string };
const nativeDecode = (Uint8Array as unknown as Base64Statics).fromBase64;
const nativeEncode = (Uint8Array.prototype as unknown as Base64Methods).toBase64;

const reverse = new Uint8Array(128);
for (let i = 0; i < 64; i++) reverse[ALPHABET.charCodeAt(i)] = i;

export function toBase64(bytes: Uint8Array): string {
  if (nativeEncode !== undefined) return reflectApply(nativeEncode, bytes, []) as string;
  let out = '';
  const end = bytes.length;
  for (let i = 0; i < end; i += 3) {
    const n = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out += fromCharCode(
      charCodeAt(ALPHABET, n >> 18),
      charCodeAt(ALPHABET, (n >> 12) & 63),
      i + 1 < end ? charCodeAt(ALPHABET, (n >> 6) & 63) : 61,
      i + 2 < end ? charCodeAt(ALPHABET, n & 63) : 61,
    );
  }
  return out;
}

/** `text` comes from the child: well-formed, padded. */
export function fromBase64(text: string): Uint8Array {
  if (nativeDecode !== undefined) return reflectApply(nativeDecode, NativeUint8Array, [text]) as Uint8Array;
  let end = text.length;
  while (end > 0 && charCodeAt(text, end - 1) === 61) end--;
  const out = new NativeUint8Array((end * 3) >> 2);
  let at = 0;
  let bits = 0;
  let have = 0;
  for (let i = 0; i < end; i++) {
    bits = ((bits << 6) | reverse[charCodeAt(text, i) & 127]!) & 0xfffff;
    have += 6;
    if (have >= 8) {
      have -= 8;
      out[at++] = (bits >> have) & 255;
    }
  }
  return out;
}
