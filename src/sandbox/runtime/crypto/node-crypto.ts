/** node:crypto: hashes, HMAC, random, comparison. Ciphers, signatures and key pairs say that they are not there. */
import { FastBuffer } from '../buffer.ts';
import { invalidArgument, nodeError } from '../errors.ts';
import type { DigestName } from '../hooks.ts';
import { unsupported } from '../node/unsupported.ts';
import { HASHES, Parts, digest, digestName, hmac, toBytes } from './digest.ts';
import { fillRandom, randomUUID } from './random.ts';
import { sameBytes, subtle, webcrypto } from './web.ts';

function known(algorithm: unknown): DigestName {
  const name = digestName(algorithm);
  if (name === undefined)
    throw nodeError(
      Error,
      'ERR_CRYPTO_INVALID_DIGEST',
      `Digest method not supported: ${String(algorithm)} (there are ${HASHES.join(', ')})`,
    );
  return name;
}

function encoded(bytes: FastBuffer, encoding: unknown): FastBuffer | string {
  if (encoding === undefined || encoding === 'buffer') return bytes;
  return (bytes as unknown as { toString(encoding: unknown): string }).toString(encoding);
}

class Hash {
  readonly #name: DigestName;
  #parts = new Parts();
  #done = false;

  constructor(algorithm: unknown) {
    this.#name = known(algorithm);
  }
  update(data: unknown, encoding?: unknown): this {
    if (this.#done) throw nodeError(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this.#parts.add(data, encoding);
    return this;
  }
  digest(encoding?: unknown): FastBuffer | string {
    if (this.#done) throw nodeError(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this.#done = true;
    return encoded(digest(this.#name, this.#parts.joined()), encoding);
  }
  copy(): Hash {
    const made = new Hash(this.#name);
    made.#parts = this.#parts.copy();
    return made;
  }
}

class Hmac {
  readonly #name: DigestName;
  readonly #key: Uint8Array;
  readonly #parts = new Parts();
  #done = false;

  constructor(algorithm: unknown, key: unknown) {
    this.#name = known(algorithm);
    this.#key = toBytes(key).slice();
  }
  update(data: unknown, encoding?: unknown): this {
    this.#parts.add(data, encoding);
    return this;
  }
  digest(encoding?: unknown): FastBuffer | string {
    if (this.#done) return encoded(new FastBuffer(new ArrayBuffer(0)), encoding);
    this.#done = true;
    return encoded(hmac(this.#name, this.#key, this.#parts.joined()), encoding);
  }
}

type Callback<T> = (error: Error | null, value?: T) => void;

function randomBytes(size: number, callback?: Callback<FastBuffer>): FastBuffer | undefined {
  if (!Number.isInteger(size) || size < 0 || size > 2 ** 31 - 1)
    throw invalidArgument('size', 'a whole number of bytes', size);
  const bytes = new FastBuffer(new ArrayBuffer(size));
  fillRandom(bytes);
  if (callback === undefined) return bytes;
  setTimeout(() => callback(null, bytes), 0);
  return undefined;
}

function randomInt(low: number, high?: number | Callback<number>, callback?: Callback<number>): number | undefined {
  const [min, max, done] = typeof high === 'number' ? [low, high, callback] : [0, low, high];
  const range = max - min;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || range <= 0 || range >= 2 ** 48) {
    throw nodeError(
      RangeError,
      'ERR_OUT_OF_RANGE',
      `The value of "max" is out of range. It must be greater than min (${min}). Received ${max}`,
    );
  }
  // Numbers above the last multiple of the range would make the low ones more likely.
  const bytes = new Uint8Array(6);
  let number: number;
  do {
    fillRandom(bytes);
    number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  } while (number >= 2 ** 48 - (2 ** 48 % range));
  const value = min + (number % range);
  if (done === undefined) return value;
  setTimeout(() => done(null, value), 0);
  return undefined;
}

function randomFillSync<T extends ArrayBufferView>(target: T, offset = 0, size?: number): T {
  fillRandom(
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).subarray(
      offset,
      size === undefined ? undefined : offset + size,
    ),
  );
  return target;
}

export const nodeCrypto = unsupported('crypto', {
  createHash: (algorithm: unknown) => new Hash(algorithm),
  createHmac: (algorithm: unknown, key: unknown) => new Hmac(algorithm, key),
  hash: (algorithm: unknown, data: unknown, encoding: unknown = 'hex') =>
    new Hash(algorithm).update(data).digest(encoding),
  Hash,
  Hmac,
  getHashes: () => [...HASHES],
  randomBytes,
  pseudoRandomBytes: randomBytes,
  randomInt,
  randomUUID,
  randomFillSync,
  getRandomValues: webcrypto.getRandomValues,
  timingSafeEqual(a: unknown, b: unknown): boolean {
    const [left, right] = [toBytes(a), toBytes(b)];
    if (left.length !== right.length) {
      throw nodeError(
        RangeError,
        'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH',
        'Input buffers must have the same byte length',
      );
    }
    return sameBytes(left, right);
  },
  webcrypto,
  subtle,
  constants: {},
});
