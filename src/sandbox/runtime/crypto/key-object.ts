/** KeyObject: a secret is its bytes, a public or private key its DER, whose meaning the child's OpenSSL knows. */
import type { FastBuffer } from '../buffer.ts';
import { invalidArgument, nodeError } from '../errors.ts';
import { ask, decode, encode, later } from './ask.ts';
import { sameBytes, toBytes } from './digest.ts';

/** As the child describes it. */
interface Described {
  readonly isPrivate: boolean;
  readonly der: string;
  readonly kind: string;
  readonly details: Readonly<Record<string, unknown>>;
}

interface ExportOptions {
  readonly format?: 'pem' | 'der' | 'jwk' | 'buffer';
  readonly type?: string;
  readonly cipher?: string;
  readonly passphrase?: string;
}

export class KeyObject {
  readonly type: 'secret' | 'public' | 'private';
  readonly #bytes: Uint8Array | null;
  readonly #asymmetric: Described | null;

  constructor(material: Uint8Array | Described) {
    this.#bytes = material instanceof Uint8Array ? material.slice() : null;
    this.#asymmetric = material instanceof Uint8Array ? null : material;
    this.type = this.#asymmetric === null ? 'secret' : this.#asymmetric.isPrivate ? 'private' : 'public';
  }
  get symmetricKeySize(): number | undefined {
    return this.#bytes?.length;
  }
  get asymmetricKeyType(): string | undefined {
    return this.#asymmetric?.kind;
  }
  get asymmetricKeyDetails(): Readonly<Record<string, unknown>> | undefined {
    if (this.#asymmetric === null) return undefined;
    const { publicExponent, ...details } = this.#asymmetric.details;
    return publicExponent === undefined ? details : { ...details, publicExponent: BigInt(String(publicExponent)) };
  }
  export(options: ExportOptions = {}): unknown {
    if (this.#bytes !== null) {
      const bytes = decode(encode(this.#bytes));
      return options.format === 'jwk' ? { kty: 'oct', k: textOf(bytes, 'base64url') } : bytes;
    }
    const { der, isPrivate } = this.#asymmetric!;
    const out = ask<unknown>('writeKey', { ...options, der, isPrivate });
    return options.format === 'der' ? decode(String(out)) : out;
  }
  equals(other: KeyObject): boolean {
    if (this.type !== other.type) return false;
    return this.#bytes === null
      ? this.#asymmetric!.der === other.#asymmetric!.der
      : sameBytes(this.#bytes, other.#bytes!);
  }
  get [Symbol.toStringTag](): string {
    return 'KeyObject';
  }
  static bytesOf(key: KeyObject): Uint8Array {
    if (key.#bytes === null)
      throw nodeError(
        TypeError,
        'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE',
        `Invalid key object type ${key.type}, expected secret.`,
      );
    return key.#bytes;
  }
  static describedOf(key: KeyObject): Described {
    if (key.#asymmetric === null)
      throw nodeError(
        TypeError,
        'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE',
        'Invalid key object type secret, expected private or public.',
      );
    return key.#asymmetric;
  }
}
const { bytesOf, describedOf } = KeyObject;
Reflect.deleteProperty(KeyObject, 'bytesOf');
Reflect.deleteProperty(KeyObject, 'describedOf');
export { describedOf };

function textOf(bytes: FastBuffer, encoding: string): string {
  return (bytes as unknown as { toString(encoding: string): string }).toString(encoding);
}

/** The bytes of a secret in any of its forms. */
export function secretBytes(key: unknown, encoding?: unknown): Uint8Array {
  return key instanceof KeyObject ? bytesOf(key) : toBytes(key, encoding);
}

export function createSecretKey(key: unknown, encoding?: unknown): KeyObject {
  return new KeyObject(toBytes(key, encoding));
}

interface KeyInput {
  readonly key: unknown;
  readonly format?: string;
  readonly type?: string;
  readonly passphrase?: unknown;
  readonly encoding?: string;
}

/** PEM text or bytes, `{ key, format, type, passphrase }`, a JWK with `format: 'jwk'`, or a KeyObject. */
function asymmetric(input: unknown, isPrivate: boolean): KeyObject {
  const wrapped = typeof input === 'object' && input !== null && 'key' in input;
  const {
    key,
    format = 'pem',
    type,
    passphrase,
    encoding,
  } = wrapped ? (input as KeyInput) : ({ key: input } as KeyInput);
  if (key instanceof KeyObject) {
    const from = describedOf(key);
    if (from.isPrivate === isPrivate) return key;
    if (isPrivate)
      throw nodeError(
        TypeError,
        'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE',
        'Invalid key object type public, expected private.',
      );
    return new KeyObject(ask<Described>('readKey', { key: from.der, format: 'der', type: 'pkcs8', isPrivate }));
  }
  const secret = passphrase === undefined ? {} : { passphrase: textOf(decode(encode(toBytes(passphrase))), 'utf8') };
  if (format === 'jwk') return new KeyObject(ask<Described>('readKey', { key, format, isPrivate }));
  if (typeof key !== 'string' && !ArrayBuffer.isView(key) && !(key instanceof ArrayBuffer))
    throw invalidArgument(
      'key',
      'of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, or KeyObject',
      key,
    );
  const bytes = toBytes(key, encoding);
  const text = format === 'der' ? encode(bytes) : textOf(decode(encode(bytes)), 'utf8');
  return new KeyObject(ask<Described>('readKey', { key: text, format, type, isPrivate, ...secret }));
}

export const createPrivateKey = (input: unknown): KeyObject => asymmetric(input, true);
export const createPublicKey = (input: unknown): KeyObject => asymmetric(input, false);

type Encoding = ExportOptions | undefined;
interface PairOptions extends Readonly<Record<string, unknown>> {
  readonly publicKeyEncoding?: ExportOptions;
  readonly privateKeyEncoding?: ExportOptions;
}
interface Pair {
  readonly publicKey: unknown;
  readonly privateKey: unknown;
}

export function generateKeyPairSync(kind: string, given: PairOptions = {}): Pair {
  const { publicKeyEncoding, privateKeyEncoding, ...options } = given;
  const made = ask<{ publicKey: Described; privateKey: Described }>('generate', { kind, options });
  const out = (described: Described, encoding: Encoding) => {
    const key = new KeyObject(described);
    return encoding === undefined ? key : key.export(encoding);
  };
  return { publicKey: out(made.publicKey, publicKeyEncoding), privateKey: out(made.privateKey, privateKeyEncoding) };
}

export function generateKeyPair(
  kind: string,
  options: PairOptions,
  callback: (error: Error | null, publicKey?: unknown, privateKey?: unknown) => void,
): void {
  later(
    () => generateKeyPairSync(kind, options),
    (error, pair) => (error ? callback(error) : callback(null, pair?.publicKey, pair?.privateKey)),
  );
}
