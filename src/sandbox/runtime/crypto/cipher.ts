/**
 * Ciphers of node:crypto. The child remembers nothing between calls, so each call works on the whole of what was given so far, and gives what
 * is new: right for every mode, and cheap for the one update and final that nearly everybody does.
 */
import type { FastBuffer } from '../buffer.ts';
import { nodeError } from '../errors.ts';
import { ask, decode, encode } from './ask.ts';
import { Parts, toBytes } from './digest.ts';
import { secretBytes } from './key-object.ts';

interface CipherOptions {
  readonly authTagLength?: number;
}

interface Crypted {
  readonly data: string;
  readonly tag: string | null;
}

class Cipher {
  readonly #fixed: object;
  readonly #decrypt: boolean;
  readonly #parts = new Parts();
  #emitted = 0;
  #padding: boolean | undefined;
  #aad: string | undefined;
  #tag: string | null = null;
  #done = false;

  constructor(decrypt: boolean, algorithm: unknown, key: unknown, iv: unknown, options: CipherOptions = {}) {
    this.#decrypt = decrypt;
    this.#fixed = {
      ...{ decrypt, algorithm: String(algorithm), key: encode(secretBytes(key)), tagLength: options.authTagLength },
      iv: iv === null || iv === undefined ? null : encode(toBytes(iv)),
    };
    // A wrong name or length is told where the cipher is made, as in Node.
    ask('crypt', { ...this.#fixed, partial: true, data: '' });
  }

  #run(partial: boolean): Crypted {
    const state = { padding: this.#padding, aad: this.#aad, tag: this.#decrypt ? this.#tag : undefined };
    return ask<Crypted>('crypt', { ...this.#fixed, ...state, partial, data: encode(this.#parts.joined()) });
  }
  #fresh({ data }: Crypted, encoding: unknown): FastBuffer | string {
    const all = decode(data);
    const part = all.subarray(this.#emitted) as FastBuffer;
    this.#emitted = all.length;
    if (encoding === undefined || encoding === 'buffer') return part;
    return (part as unknown as { toString(encoding: unknown): string }).toString(encoding);
  }

  update(data: unknown, inputEncoding?: unknown, outputEncoding?: unknown): FastBuffer | string {
    this.#parts.add(data, inputEncoding);
    return this.#fresh(this.#run(true), outputEncoding);
  }
  final(outputEncoding?: unknown): FastBuffer | string {
    if (this.#done)
      throw nodeError(Error, 'ERR_CRYPTO_INVALID_STATE', 'Unsupported state or unable to authenticate data');
    this.#done = true;
    const crypted = this.#run(false);
    if (!this.#decrypt) this.#tag = crypted.tag;
    return this.#fresh(crypted, outputEncoding);
  }
  setAutoPadding(on = true): this {
    this.#padding = on;
    return this;
  }
  setAAD(data: unknown): this {
    this.#aad = encode(toBytes(data));
    return this;
  }
  getAuthTag(): FastBuffer {
    if (this.#tag === null)
      throw nodeError(Error, 'ERR_CRYPTO_INVALID_STATE', 'Invalid state for operation getAuthTag');
    return decode(this.#tag);
  }
  setAuthTag(tag: unknown, encoding?: unknown): this {
    this.#tag = encode(toBytes(tag, encoding));
    return this;
  }
}

export class Cipheriv extends Cipher {
  constructor(algorithm: unknown, key: unknown, iv: unknown, options?: CipherOptions) {
    super(false, algorithm, key, iv, options);
  }
}

export class Decipheriv extends Cipher {
  constructor(algorithm: unknown, key: unknown, iv: unknown, options?: CipherOptions) {
    super(true, algorithm, key, iv, options);
  }
}
