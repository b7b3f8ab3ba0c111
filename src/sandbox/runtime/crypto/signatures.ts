/** Signatures and RSA encryption of node:crypto. */
import type { FastBuffer } from '../buffer.ts';
import { ask, decode, encode, later } from './ask.ts';
import { Parts, toBytes } from './digest.ts';
import { createPrivateKey, createPublicKey, describedOf } from './key-object.ts';

interface KeyOptions {
  readonly padding?: number;
  readonly saltLength?: number;
  readonly dsaEncoding?: string;
  readonly oaepHash?: string;
  readonly oaepLabel?: unknown;
}

function optionsOf(key: unknown): KeyOptions {
  return typeof key === 'object' && key !== null && 'key' in key ? (key as KeyOptions) : {};
}

function keyParams(input: unknown, isPrivate: boolean) {
  const { der } = describedOf(isPrivate ? createPrivateKey(input) : createPublicKey(input));
  const { padding, saltLength, dsaEncoding, oaepHash, oaepLabel } = optionsOf(input);
  const label = oaepLabel === undefined ? undefined : encode(toBytes(oaepLabel));
  return { der, isPrivate, padding, saltLength, dsaEncoding, oaepHash, oaepLabel: label };
}

function signed(digest: unknown, data: Uint8Array, key: unknown): FastBuffer {
  return decode(ask<string>('sign', { ...keyParams(key, true), digest: digest ?? null, data: encode(data) }));
}

function verified(digest: unknown, data: Uint8Array, key: unknown, signature: Uint8Array): boolean {
  const params = { digest: digest ?? null, data: encode(data), signature: encode(signature) };
  return ask<boolean>('verify', { ...keyParams(key, false), ...params });
}

function encoded(bytes: FastBuffer, encoding: unknown): FastBuffer | string {
  if (encoding === undefined || encoding === 'buffer') return bytes;
  return (bytes as unknown as { toString(encoding: unknown): string }).toString(encoding);
}

class Message {
  protected readonly digest: string;
  protected readonly parts = new Parts();
  constructor(digest: unknown) {
    this.digest = String(digest);
  }
  update(data: unknown, encoding?: unknown): this {
    this.parts.add(data, encoding);
    return this;
  }
  write(data: unknown, encoding?: unknown): boolean {
    this.update(data, encoding);
    return true;
  }
  end(data?: unknown, encoding?: unknown): this {
    return data === undefined ? this : this.update(data, encoding);
  }
}

export class Sign extends Message {
  sign(key: unknown, encoding?: unknown): FastBuffer | string {
    return encoded(signed(this.digest, this.parts.joined(), key), encoding);
  }
}

export class Verify extends Message {
  verify(key: unknown, signature: unknown, encoding?: unknown): boolean {
    return verified(this.digest, this.parts.joined(), key, toBytes(signature, encoding));
  }
}

type Done<T> = ((error: Error | null, value?: T) => void) | undefined;

export function sign(digest: unknown, data: unknown, key: unknown, done?: Done<FastBuffer>): FastBuffer | undefined {
  const work = () => signed(digest, toBytes(data), key);
  return done === undefined ? work() : void later(work, done);
}

export function verify(
  digest: unknown,
  data: unknown,
  key: unknown,
  signature: unknown,
  done?: Done<boolean>,
): boolean | undefined {
  const work = () => verified(digest, toBytes(data), key, toBytes(signature));
  return done === undefined ? work() : void later(work, done);
}

export function publicEncrypt(key: unknown, data: unknown): FastBuffer {
  return decode(ask<string>('rsa', { ...keyParams(key, false), data: encode(toBytes(data)) }));
}

export function privateDecrypt(key: unknown, data: unknown): FastBuffer {
  return decode(ask<string>('rsa', { ...keyParams(key, true), data: encode(toBytes(data)), decrypt: true }));
}
