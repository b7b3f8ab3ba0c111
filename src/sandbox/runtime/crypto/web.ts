/** globalThis.crypto: random numbers and subtle.digest; HMAC keys, because signing requests needs them. */
import { DOMException } from '../dom-exception.ts';
import { digest, digestName, hmac, toBytes } from './digest.ts';
import { fillRandom, randomUUID } from './random.ts';

type Algorithm = string | { name?: unknown; hash?: Algorithm };

function nameOf(algorithm: Algorithm): string {
  return String(typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm).toUpperCase();
}

function hashOf(algorithm: Algorithm) {
  const name = digestName(nameOf(algorithm));
  if (name === undefined || name === 'md5') throw new DOMException('Unrecognized algorithm name', 'NotSupportedError');
  return name;
}

export class CryptoKey {
  readonly type = 'secret';
  readonly extractable: boolean;
  readonly algorithm: { name: 'HMAC'; hash: { name: string }; length: number };
  readonly usages: readonly string[];
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, hash: Algorithm, extractable: boolean, usages: readonly string[]) {
    this.#bytes = bytes.slice();
    this.algorithm = { name: 'HMAC', hash: { name: nameOf(hash) }, length: bytes.length * 8 };
    this.extractable = extractable;
    this.usages = usages;
  }
  static bytesOf(key: CryptoKey): Uint8Array {
    return key.#bytes;
  }
}
const keyBytes = CryptoKey.bytesOf;
Reflect.deleteProperty(CryptoKey, 'bytesOf');

function signature(algorithm: Algorithm, key: CryptoKey, data: unknown): Uint8Array {
  if (nameOf(algorithm) !== 'HMAC') throw new DOMException('Only HMAC keys are supported', 'NotSupportedError');
  return hmac(hashOf(key.algorithm.hash), keyBytes(key), toBytes(data)).slice();
}

export const subtle = {
  async digest(algorithm: Algorithm, data: unknown): Promise<ArrayBuffer> {
    return new Uint8Array(digest(hashOf(algorithm), toBytes(data))).buffer;
  },
  async importKey(
    format: string,
    data: unknown,
    algorithm: Algorithm,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<CryptoKey> {
    const hash = typeof algorithm === 'object' ? algorithm.hash : undefined;
    if (format !== 'raw' || nameOf(algorithm) !== 'HMAC' || hash === undefined) {
      throw new DOMException('Only raw HMAC keys are supported', 'NotSupportedError');
    }
    return new CryptoKey(toBytes(data), hash, extractable, [...usages]);
  },
  async sign(algorithm: Algorithm, key: CryptoKey, data: unknown): Promise<ArrayBuffer> {
    return new Uint8Array(signature(algorithm, key, data)).buffer;
  },
  async verify(algorithm: Algorithm, key: CryptoKey, given: unknown, data: unknown): Promise<boolean> {
    return sameBytes(signature(algorithm, key, data), toBytes(given));
  },
};

/** Takes the same time wherever the difference is. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0);
  return difference === 0;
}

const RANDOM_BYTES_MAX = 65_536;

export const webcrypto = {
  subtle,
  randomUUID,
  getRandomValues<T>(target: T): T {
    const integers =
      ArrayBuffer.isView(target) &&
      !/^Float|^DataView/.test((target as unknown as { [Symbol.toStringTag]: string })[Symbol.toStringTag]);
    if (!integers) throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
    if (target.byteLength > RANDOM_BYTES_MAX) {
      throw new DOMException(`The requested length exceeds ${RANDOM_BYTES_MAX} bytes`, 'QuotaExceededError');
    }
    fillRandom(new Uint8Array(target.buffer, target.byteOffset, target.byteLength));
    return target;
  },
};
