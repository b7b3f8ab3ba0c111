/** Keys derived from passwords and other keys: PBKDF2, scrypt, HKDF. */
import type { FastBuffer } from '../buffer.ts';
import { nodeError } from '../errors.ts';
import { ask, decode, encode, later } from './ask.ts';
import { digestName, hmac, toBytes } from './digest.ts';
import { secretBytes } from './key-object.ts';

type Done<T> = (error: Error | null, value?: T) => void;

interface ScryptOptions {
  readonly N?: number;
  readonly r?: number;
  readonly p?: number;
  readonly cost?: number;
  readonly blockSize?: number;
  readonly parallelization?: number;
  readonly maxmem?: number;
}

export function pbkdf2Sync(
  password: unknown,
  salt: unknown,
  iterations: number,
  length: number,
  digest: unknown,
): FastBuffer {
  const params = { password: encode(toBytes(password)), salt: encode(toBytes(salt)), iterations, length, digest };
  return decode(ask<string>('pbkdf2', params));
}

export function pbkdf2(
  password: unknown,
  salt: unknown,
  iterations: number,
  length: number,
  digest: unknown,
  done: Done<FastBuffer>,
): void {
  later(() => pbkdf2Sync(password, salt, iterations, length, digest), done);
}

export function scryptSync(password: unknown, salt: unknown, length: number, options: ScryptOptions = {}): FastBuffer {
  const { cost, blockSize, parallelization, maxmem, N = cost, r = blockSize, p = parallelization } = options;
  const params = { password: encode(toBytes(password)), salt: encode(toBytes(salt)), length, N, r, p, maxmem };
  return decode(ask<string>('scrypt', params));
}

export function scrypt(
  password: unknown,
  salt: unknown,
  length: number,
  options: ScryptOptions | Done<FastBuffer>,
  done?: Done<FastBuffer>,
): void {
  const [settings, callback] = typeof options === 'function' ? [{}, options] : [options, done!];
  later(() => scryptSync(password, salt, length, settings), callback);
}

/** RFC 5869, over the child's HMAC. */
export function hkdfSync(digest: unknown, key: unknown, salt: unknown, info: unknown, length: number): ArrayBuffer {
  const name = digestName(digest);
  if (name === undefined) throw nodeError(TypeError, 'ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${String(digest)}`);
  const extracted = hmac(name, toBytes(salt), secretBytes(key));
  if (length > 255 * extracted.length) throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
  const about = toBytes(info);
  const out = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let at = 0, n = 1; at < length; at += block.length, n++) {
    const input = new Uint8Array(block.length + about.length + 1);
    input.set(block);
    input.set(about, block.length);
    input[input.length - 1] = n;
    block = hmac(name, extracted, input);
    out.set(block.subarray(0, Math.min(block.length, length - at)), at);
  }
  return out.buffer;
}

export function hkdf(
  digest: unknown,
  key: unknown,
  salt: unknown,
  info: unknown,
  length: number,
  done: Done<ArrayBuffer>,
): void {
  later(() => hkdfSync(digest, key, salt, info, length), done);
}
