/** node:crypto: hashes, HMAC, random, comparison, derived keys, ciphers, signatures. Diffie-Hellman and certificates say that they are not there. */
import { FastBuffer } from '../buffer.ts';
import { invalidArgument, nodeError } from '../errors.ts';
import type { DigestName } from '../hooks.ts';
import { unsupported } from '../node/unsupported.ts';
import { Cipheriv, Decipheriv } from './cipher.ts';
import * as derive from './derive.ts';
import { HASHES, Parts, digest, digestName, hmac, sameBytes, toBytes } from './digest.ts';
import * as keys from './key-object.ts';
import { fillRandom, randomUUID } from './random.ts';
import * as signatures from './signatures.ts';
import { subtle } from './subtle.ts';
import { webcrypto } from './web.ts';

const { secretBytes } = keys;
/** OpenSSL's numbers. */
const CONSTANTS = {
  RSA_PKCS1_PADDING: 1,
  RSA_NO_PADDING: 3,
  RSA_PKCS1_OAEP_PADDING: 4,
  RSA_PKCS1_PSS_PADDING: 6,
  RSA_PSS_SALTLEN_DIGEST: -1,
  RSA_PSS_SALTLEN_MAX_SIGN: -2,
  RSA_PSS_SALTLEN_AUTO: -2,
};

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
    this.#key = secretBytes(key).slice();
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
  ...{ Cipheriv, Decipheriv },
  createCipheriv: (...args: ConstructorParameters<typeof Cipheriv>) => new Cipheriv(...args),
  createDecipheriv: (...args: ConstructorParameters<typeof Decipheriv>) => new Decipheriv(...args),
  createSign: (digest: unknown) => new signatures.Sign(digest),
  createVerify: (digest: unknown) => new signatures.Verify(digest),
  ...{ Sign: signatures.Sign, Verify: signatures.Verify, sign: signatures.sign, verify: signatures.verify },
  ...{ publicEncrypt: signatures.publicEncrypt, privateDecrypt: signatures.privateDecrypt },
  KeyObject: keys.KeyObject,
  createSecretKey: keys.createSecretKey,
  createPrivateKey: keys.createPrivateKey,
  createPublicKey: keys.createPublicKey,
  generateKeyPair: keys.generateKeyPair,
  generateKeyPairSync: keys.generateKeyPairSync,
  ...{ pbkdf2: derive.pbkdf2, pbkdf2Sync: derive.pbkdf2Sync, scrypt: derive.scrypt, scryptSync: derive.scryptSync },
  ...{ hkdf: derive.hkdf, hkdfSync: derive.hkdfSync },
  webcrypto,
  subtle,
  constants: CONSTANTS,
});
