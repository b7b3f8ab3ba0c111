/** CryptoKey of Web Crypto: what may be done with a KeyObject, and by which algorithm. */
import { DOMException } from '../dom-exception.ts';
import { digestName } from './digest.ts';
import type { KeyObject } from './key-object.ts';

export interface AlgorithmObject {
  readonly name?: unknown;
  readonly hash?: Algorithm;
  readonly length?: number;
  readonly namedCurve?: string;
  readonly modulusLength?: number;
  readonly publicExponent?: Uint8Array;
  readonly iv?: unknown;
  readonly counter?: unknown;
  readonly additionalData?: unknown;
  readonly tagLength?: number;
  readonly saltLength?: number;
  readonly salt?: unknown;
  readonly info?: unknown;
  readonly iterations?: number;
  readonly label?: unknown;
}
export type Algorithm = string | AlgorithmObject;

export const unsupportedAlgorithm = (what = 'Unrecognized algorithm name') =>
  new DOMException(what, 'NotSupportedError');
export const wrongKey = (what: string) => new DOMException(what, 'InvalidAccessError');

const NAMES = [
  ...[
    'HMAC',
    'AES-GCM',
    'AES-CBC',
    'AES-CTR',
    'RSASSA-PKCS1-v1_5',
    'RSA-PSS',
    'RSA-OAEP',
    'ECDSA',
    'Ed25519',
    'PBKDF2',
    'HKDF',
  ],
];

/** The algorithm as the standard spells it. */
export function nameOf(algorithm: Algorithm): string {
  const given = String(typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm).toUpperCase();
  const found = NAMES.find((name) => name.toUpperCase() === given);
  if (found === undefined) throw unsupportedAlgorithm();
  return found;
}

export function membersOf(algorithm: Algorithm): AlgorithmObject {
  return typeof algorithm === 'object' && algorithm !== null ? algorithm : { name: algorithm };
}

export function hashOf(algorithm: Algorithm | undefined) {
  const name = digestName(typeof algorithm === 'object' ? algorithm.name : algorithm);
  if (name === undefined || name === 'md5') throw unsupportedAlgorithm();
  return name;
}

export class CryptoKey {
  readonly type: 'secret' | 'public' | 'private';
  readonly extractable: boolean;
  readonly algorithm: Readonly<Record<string, unknown>> & { readonly name: string };
  readonly usages: readonly string[];
  readonly #key: KeyObject;

  constructor(key: KeyObject, algorithm: CryptoKey['algorithm'], extractable: boolean, usages: readonly string[]) {
    this.#key = key;
    this.type = key.type;
    this.algorithm = algorithm;
    this.extractable = extractable;
    this.usages = usages;
  }
  get [Symbol.toStringTag](): string {
    return 'CryptoKey';
  }
  static keyOf(key: CryptoKey): KeyObject {
    return key.#key;
  }
}
const { keyOf } = CryptoKey;
Reflect.deleteProperty(CryptoKey, 'keyOf');

/** The key inside, when it may be used so. */
export function keyFor(key: CryptoKey, algorithm: Algorithm, usage: string): KeyObject {
  if (key.algorithm.name !== nameOf(algorithm)) throw wrongKey('The key is for another algorithm');
  if (!key.usages.includes(usage)) throw wrongKey(`The key cannot be used to ${usage}`);
  return keyOf(key);
}

export { keyOf };
