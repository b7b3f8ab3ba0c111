/** crypto.subtle: digests, HMAC, AES, RSA, ECDSA, Ed25519, PBKDF2 and HKDF, over what node:crypto does here. */
import { Cipheriv, Decipheriv } from './cipher.ts';
import {
  type Algorithm,
  type CryptoKey,
  hashOf,
  keyFor,
  membersOf,
  nameOf,
  unsupportedAlgorithm,
  wrongKey,
} from './crypto-key.ts';
import { hkdfSync, pbkdf2Sync } from './derive.ts';
import { digest, hmac, sameBytes, toBytes } from './digest.ts';
import { type KeyObject, secretBytes } from './key-object.ts';
import { privateDecrypt, publicEncrypt, sign, verify } from './signatures.ts';
import { exportKey, generateKey, importKey } from './subtle-keys.ts';

const OAEP_PADDING = 4;
const PSS_PADDING = 6;
const TAG_BITS = 128;

function bufferOf(...parts: Uint8Array[]): ArrayBuffer {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.buffer;
}

function aes(algorithm: Algorithm, key: KeyObject, decrypt: boolean, data: Uint8Array): ArrayBuffer {
  const name = nameOf(algorithm);
  const { iv, counter, additionalData, tagLength = TAG_BITS } = membersOf(algorithm);
  const mode = `aes-${key.symmetricKeySize! * 8}-${name.slice(4).toLowerCase()}`;
  const options = name === 'AES-GCM' ? { authTagLength: tagLength / 8 } : {};
  const cipher = new (decrypt ? Decipheriv : Cipheriv)(mode, key, iv ?? counter, options);
  if (additionalData !== undefined) cipher.setAAD(additionalData);
  const end = name === 'AES-GCM' && decrypt ? data.length - tagLength / 8 : data.length;
  if (end < data.length) cipher.setAuthTag(data.subarray(end));
  const parts = [cipher.update(data.subarray(0, end)), cipher.final()] as Uint8Array[];
  if (name === 'AES-GCM' && !decrypt) parts.push(cipher.getAuthTag());
  return bufferOf(...parts);
}

function oaep(algorithm: Algorithm, { algorithm: { hash } }: CryptoKey, key: KeyObject) {
  const { label } = membersOf(algorithm);
  const oaepLabel = label === undefined ? {} : { oaepLabel: label };
  return { key, padding: OAEP_PADDING, oaepHash: hashOf(hash as Algorithm), ...oaepLabel };
}

function crypt(algorithm: Algorithm, key: CryptoKey, data: unknown, decrypt: boolean): ArrayBuffer {
  const inner = keyFor(key, algorithm, decrypt ? 'decrypt' : 'encrypt');
  const bytes = toBytes(data);
  const name = nameOf(algorithm);
  if (name.startsWith('AES-')) return aes(algorithm, inner, decrypt, bytes);
  if (name !== 'RSA-OAEP') throw unsupportedAlgorithm();
  const options = oaep(algorithm, key, inner);
  return bufferOf(decrypt ? privateDecrypt(options, bytes) : publicEncrypt(options, bytes));
}

/** The digest and the options with which node:crypto signs by the algorithm. */
function signing(algorithm: Algorithm, key: CryptoKey, inner: KeyObject): [string | null, object] {
  const { hash, saltLength } = membersOf(algorithm);
  const ofKey = () => hashOf(key.algorithm['hash'] as Algorithm);
  switch (nameOf(algorithm)) {
    case 'RSASSA-PKCS1-v1_5':
      return [ofKey(), { key: inner }];
    case 'RSA-PSS':
      return [ofKey(), { key: inner, padding: PSS_PADDING, saltLength }];
    case 'ECDSA':
      return [hashOf(hash), { key: inner, dsaEncoding: 'ieee-p1363' }];
    case 'Ed25519':
      return [null, { key: inner }];
    default:
      throw unsupportedAlgorithm();
  }
}

function bits(algorithm: Algorithm, key: CryptoKey, usage: string, length: number): ArrayBuffer {
  const secret = secretBytes(keyFor(key, algorithm, usage));
  const { hash, salt, info, iterations } = membersOf(algorithm);
  const name = nameOf(algorithm);
  if (name === 'HKDF') return hkdfSync(hashOf(hash), secret, salt, info, length / 8);
  if (name === 'PBKDF2') return bufferOf(pbkdf2Sync(secret, salt, iterations!, length / 8, hashOf(hash)));
  throw unsupportedAlgorithm();
}

export const subtle = {
  async digest(algorithm: Algorithm, data: unknown): Promise<ArrayBuffer> {
    return bufferOf(digest(hashOf(algorithm), toBytes(data)));
  },
  async sign(algorithm: Algorithm, key: CryptoKey, data: unknown): Promise<ArrayBuffer> {
    const inner = keyFor(key, algorithm, 'sign');
    if (nameOf(algorithm) === 'HMAC')
      return bufferOf(hmac(hashOf(key.algorithm['hash'] as Algorithm), secretBytes(inner), toBytes(data)));
    const [name, options] = signing(algorithm, key, inner);
    return bufferOf(sign(name, data, options)!);
  },
  async verify(algorithm: Algorithm, key: CryptoKey, signature: unknown, data: unknown): Promise<boolean> {
    const inner = keyFor(key, algorithm, 'verify');
    if (nameOf(algorithm) === 'HMAC') {
      const wanted = hmac(hashOf(key.algorithm['hash'] as Algorithm), secretBytes(inner), toBytes(data));
      return sameBytes(wanted, toBytes(signature));
    }
    const [name, options] = signing(algorithm, key, inner);
    return verify(name, data, options, signature)!;
  },
  async encrypt(algorithm: Algorithm, key: CryptoKey, data: unknown): Promise<ArrayBuffer> {
    return crypt(algorithm, key, data, false);
  },
  async decrypt(algorithm: Algorithm, key: CryptoKey, data: unknown): Promise<ArrayBuffer> {
    return crypt(algorithm, key, data, true);
  },
  async deriveBits(algorithm: Algorithm, key: CryptoKey, length: number): Promise<ArrayBuffer> {
    return bits(algorithm, key, 'deriveBits', length);
  },
  async deriveKey(
    algorithm: Algorithm,
    key: CryptoKey,
    wanted: Algorithm,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<CryptoKey> {
    const { length, hash } = membersOf(wanted);
    const size = length ?? (nameOf(wanted) === 'HMAC' ? digest(hashOf(hash), new Uint8Array(0)).length * 8 : undefined);
    if (size === undefined) throw wrongKey('The length of the derived key is not told');
    return importKey('raw', bits(algorithm, key, 'deriveKey', size), wanted, extractable, usages);
  },
  importKey: async (...args: Parameters<typeof importKey>) => importKey(...args),
  exportKey: async (...args: Parameters<typeof exportKey>) => exportKey(...args),
  generateKey: async (...args: Parameters<typeof generateKey>) => generateKey(...args),
};
