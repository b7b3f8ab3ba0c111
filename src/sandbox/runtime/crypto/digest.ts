/** Digests by the host, which has OpenSSL: an isolate would need a thousand lines and twenty times as long. */
import { FastBuffer, makeBuffer } from '../buffer.ts';
import { nodeError } from '../errors.ts';
import type { DigestName } from '../hooks.ts';
import { hooks, isView } from '../host.ts';

export const HASHES: readonly DigestName[] = [
  'md5',
  'sha1',
  'sha224',
  'sha256',
  'sha384',
  'sha512',
  'sha512-224',
  'sha512-256',
  'sha3-224',
  'sha3-256',
  'sha3-384',
  'sha3-512',
  'ripemd160',
  'blake2b512',
  'blake2s256',
];
/** `SHA-256` is the name in Web Crypto, `RSA-SHA256` an old one in Node. */
const NAMES = new Map<string, DigestName>(
  HASHES.flatMap((name): [string, DigestName][] => [
    [name, name],
    [name.replace(/^sha(?=\d)/, 'sha-'), name],
  ]),
);

export function digestName(algorithm: unknown): DigestName | undefined {
  return NAMES.get(String(algorithm).toLowerCase().replace(/^rsa-/, ''));
}

export function toBytes(data: unknown, encoding?: unknown): Uint8Array {
  if (typeof data === 'string') return makeBuffer(data, encoding === 'buffer' ? undefined : encoding);
  if (data instanceof Uint8Array) return data;
  if (isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw nodeError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    'The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.',
  );
}

function asBuffer(bytes: Uint8Array): FastBuffer {
  return new FastBuffer(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

/** The parts of a message in one piece, copied, so that later changes of a part change nothing. */
export class Parts {
  #parts: Uint8Array[] = [];
  #length = 0;

  add(data: unknown, encoding: unknown): void {
    const bytes = toBytes(data, encoding).slice();
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }
  copy(): Parts {
    const made = new Parts();
    made.#parts = [...this.#parts];
    made.#length = this.#length;
    return made;
  }
  joined(): Uint8Array {
    if (this.#parts.length === 1) return this.#parts[0]!;
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

export function digest(name: DigestName, data: Uint8Array): FastBuffer {
  return asBuffer(hooks.digest(name, data));
}

export function hmac(name: DigestName, key: Uint8Array, data: Uint8Array): FastBuffer {
  return asBuffer(hooks.hmac(name, key, data));
}

/** Takes the same time wherever the difference is. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0);
  return difference === 0;
}
