/** Digests by the host, which has OpenSSL: an isolate would need a thousand lines and twenty times as long. */
import { FastBuffer, makeBuffer } from '../buffer.ts';
import { nodeError } from '../errors.ts';
import type { DigestName } from '../hooks.ts';
import { hooks, isView } from '../host.ts';

const NAMES: ReadonlyMap<string, DigestName> = new Map([
  ['md5', 'md5'],
  ['sha1', 'sha1'],
  ['sha-1', 'sha1'],
  ['sha256', 'sha256'],
  ['sha-256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha-384', 'sha384'],
  ['sha512', 'sha512'],
  ['sha-512', 'sha512'],
]);
export const HASHES: readonly string[] = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];

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
