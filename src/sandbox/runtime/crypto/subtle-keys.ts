/** Keys of Web Crypto: imported, exported, generated. */
import { DOMException } from '../dom-exception.ts';
import {
  type Algorithm,
  CryptoKey,
  hashOf,
  keyOf,
  membersOf,
  nameOf,
  unsupportedAlgorithm,
  wrongKey,
} from './crypto-key.ts';
import { decode } from './ask.ts';
import { digest, toBytes } from './digest.ts';
import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
} from './key-object.ts';
import { fillRandom } from './random.ts';

/** Node's names of the curves. */
const CURVES: Record<string, string> = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };
const isSecret = (name: string) => /^(HMAC|AES-|PBKDF2|HKDF)/.test(name);

interface Jwk {
  readonly kty?: string;
  readonly k?: string;
  readonly d?: string;
}

function read(format: string, data: unknown, name: string): KeyObject {
  if (format === 'jwk') {
    const jwk = data as Jwk;
    if (isSecret(name)) {
      if (jwk.kty !== 'oct' || typeof jwk.k !== 'string') throw new DOMException('Invalid JWK', 'DataError');
      return createSecretKey(decode(jwk.k.replaceAll('-', '+').replaceAll('_', '/')));
    }
    return jwk.d === undefined ? createPublicKey({ key: jwk, format }) : createPrivateKey({ key: jwk, format });
  }
  if (format === 'raw' && isSecret(name)) return createSecretKey(toBytes(data));
  if (format === 'spki') return createPublicKey({ key: toBytes(data), format: 'der', type: 'spki' });
  if (format === 'pkcs8') return createPrivateKey({ key: toBytes(data), format: 'der', type: 'pkcs8' });
  throw unsupportedAlgorithm(`Keys for ${name} cannot be read as ${format}`);
}

/** `algorithm` of the CryptoKey: what was asked for, and what the key itself says. */
function described(algorithm: Algorithm, key: KeyObject): CryptoKey['algorithm'] {
  const name = nameOf(algorithm);
  const { hash, namedCurve } = membersOf(algorithm);
  const spelled =
    hash === undefined
      ? {}
      : {
          hash: {
            name: hashOf(hash)
              .toUpperCase()
              .replace(/^SHA(?=\d)/, 'SHA-'),
          },
        };
  if (isSecret(name)) return { name, ...spelled, length: (key.symmetricKeySize ?? 0) * 8 };
  if (namedCurve !== undefined) return { name, namedCurve };
  const { modulusLength } = key.asymmetricKeyDetails ?? {};
  return { name, ...spelled, ...(modulusLength === undefined ? {} : { modulusLength }) };
}

export function importKey(
  format: string,
  data: unknown,
  algorithm: Algorithm,
  extractable: boolean,
  usages: readonly string[],
): CryptoKey {
  const name = nameOf(algorithm);
  const key = read(format, data, name);
  if (name.startsWith('AES-') && ![16, 24, 32].includes(key.symmetricKeySize ?? 0))
    throw new DOMException('Invalid key length', 'DataError');
  return new CryptoKey(key, described(algorithm, key), extractable, [...usages]);
}

export function exportKey(format: string, key: CryptoKey): unknown {
  if (!key.extractable) throw wrongKey('key is not extractable');
  const inner = keyOf(key);
  if (format === 'jwk')
    return { ...(inner.export({ format: 'jwk' }) as object), key_ops: [...key.usages], ext: key.extractable };
  const bytes = (value: unknown) => new Uint8Array(value as Uint8Array).buffer;
  if (format === 'raw' && key.type === 'secret') return bytes(inner.export());
  if (format === 'spki' && key.type === 'public') return bytes(inner.export({ format: 'der', type: 'spki' }));
  if (format === 'pkcs8' && key.type === 'private') return bytes(inner.export({ format: 'der', type: 'pkcs8' }));
  throw unsupportedAlgorithm(`A ${key.type} key cannot be written as ${format}`);
}

const PUBLIC_USAGES = new Set(['verify', 'encrypt', 'wrapKey']);

export function generateKey(algorithm: Algorithm, extractable: boolean, usages: readonly string[]): unknown {
  const name = nameOf(algorithm);
  const { hash, length, namedCurve, modulusLength } = membersOf(algorithm);
  if (isSecret(name)) {
    const size = length === undefined ? digest(hashOf(hash), new Uint8Array(0)).length : length / 8;
    const bytes = new Uint8Array(size);
    fillRandom(bytes);
    return importKey('raw', bytes, algorithm, extractable, usages);
  }
  const kind = name === 'ECDSA' ? 'ec' : name === 'Ed25519' ? 'ed25519' : 'rsa';
  const options = kind === 'ec' ? { namedCurve: CURVES[namedCurve ?? ''] } : kind === 'rsa' ? { modulusLength } : {};
  const { publicKey, privateKey } = generateKeyPairSync(kind, options) as Readonly<
    Record<'publicKey' | 'privateKey', KeyObject>
  >;
  const of = (key: KeyObject, free: boolean, ours: boolean) =>
    new CryptoKey(
      key,
      described(algorithm, key),
      free,
      usages.filter((usage) => PUBLIC_USAGES.has(usage) === ours),
    );
  return { publicKey: of(publicKey, true, true), privateKey: of(privateKey, extractable, false) };
}
