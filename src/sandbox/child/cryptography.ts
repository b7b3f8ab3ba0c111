/**
 * The child's OpenSSL, for node:crypto and crypto.subtle of the isolate: derived keys, ciphers, signatures, key formats. One call at a time, JSON in and
 * out, bytes as base64. The isolate keeps keys as DER; nothing is remembered here.
 */
import crypto from 'node:crypto';

type Params = Readonly<Record<string, unknown>>;

/** 32 MB of data in base64, and what else belongs to a call. */
const PARAMS_CHARS_MAX = 48 * 1024 * 1024;
/** What one derivation may take, outside of the isolate's heap; Node's own default is 32 MB. */
const SCRYPT_BYTES_MAX = 64 * 1024 * 1024;
const DERIVED_BYTES_MAX = 1024 * 1024;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const bytes = (value: unknown): Buffer => Buffer.from(text(value), 'base64');
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
/** The members that are there: OpenSSL's own defaults hold for the others. */
const given = (members: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

function derivedLength(value: unknown): number {
  const length = number(value) ?? 0;
  if (length > DERIVED_BYTES_MAX) throw new RangeError(`at most ${DERIVED_BYTES_MAX} bytes can be derived at a time`);
  return length;
}

function keyOf(der: unknown, isPrivate: unknown): crypto.KeyObject {
  return isPrivate === true
    ? crypto.createPrivateKey({ key: bytes(der), format: 'der', type: 'pkcs8' })
    : crypto.createPublicKey({ key: bytes(der), format: 'der', type: 'spki' });
}

function described(key: crypto.KeyObject) {
  const isPrivate = key.type === 'private';
  const der = isPrivate ? key.export({ format: 'der', type: 'pkcs8' }) : key.export({ format: 'der', type: 'spki' });
  const { publicExponent, ...details } = key.asymmetricKeyDetails ?? {};
  return {
    isPrivate,
    der: der.toString('base64'),
    kind: key.asymmetricKeyType,
    details: { ...details, ...(publicExponent === undefined ? {} : { publicExponent: String(publicExponent) }) },
  };
}

function readKey(params: Params) {
  const { key, format, type, passphrase, isPrivate } = params;
  const input = {
    key: format === 'der' ? bytes(key) : key,
    ...given({ format, type, passphrase: typeof passphrase === 'string' ? passphrase : undefined }),
  } as unknown as crypto.PrivateKeyInput & crypto.PublicKeyInput;
  return described(isPrivate === true ? crypto.createPrivateKey(input) : crypto.createPublicKey(input));
}

function writeKey({ der, isPrivate, format, type, cipher, passphrase }: Params): unknown {
  const options = given({ format, type, cipher, passphrase });
  const key = keyOf(der, isPrivate) as unknown as { export(options: unknown): unknown };
  const out = key.export(options);
  return Buffer.isBuffer(out) ? out.toString('base64') : out;
}

function generate({ kind, options }: Params) {
  const make = crypto.generateKeyPairSync as unknown as (
    kind: string,
    options: unknown,
  ) => { readonly publicKey: crypto.KeyObject; readonly privateKey: crypto.KeyObject };
  const { publicKey, privateKey } = make(text(kind), options);
  return { publicKey: described(publicKey), privateKey: described(privateKey) };
}

function signing({ der, isPrivate, padding, saltLength, dsaEncoding }: Params) {
  return { key: keyOf(der, isPrivate), ...given({ padding, saltLength, dsaEncoding }) };
}

const digestOf = ({ digest }: Params): string | null => (typeof digest === 'string' ? digest : null);

function crypt(params: Params) {
  const { algorithm, key, iv, aad, tag, tagLength, padding, data, decrypt, partial } = params;
  const make = (decrypt === true ? crypto.createDecipheriv : crypto.createCipheriv) as unknown as (
    algorithm: string,
    key: Buffer,
    iv: Buffer | null,
    options: object,
  ) => crypto.DecipherGCM & crypto.CipherGCM;
  const cipher = make(text(algorithm), bytes(key), iv === null ? null : bytes(iv), given({ authTagLength: tagLength }));
  if (padding === false) cipher.setAutoPadding(false);
  if (typeof tag === 'string') cipher.setAuthTag(bytes(tag));
  const input = bytes(data);
  if (typeof aad === 'string') cipher.setAAD(bytes(aad), { plaintextLength: input.length });
  const begun = cipher.update(input);
  if (partial === true) return { data: begun.toString('base64'), tag: null };
  const out = Buffer.concat([begun, cipher.final()]).toString('base64');
  const authenticated = crypto.getCipherInfo(text(algorithm))?.mode;
  const tagged =
    decrypt !== true && (/^(gcm|ccm|ocb)$/.test(authenticated ?? '') || text(algorithm) === 'chacha20-poly1305');
  return { data: out, tag: tagged ? cipher.getAuthTag().toString('base64') : null };
}

function rsa({ der, isPrivate, padding, oaepHash, oaepLabel, data, decrypt }: Params): string {
  const key = { key: keyOf(der, isPrivate), ...given({ padding, oaepHash, oaepLabel: oaepLabel && bytes(oaepLabel) }) };
  const run = (decrypt === true ? crypto.privateDecrypt : crypto.publicEncrypt) as (
    key: unknown,
    data: Buffer,
  ) => Buffer;
  return run(key, bytes(data)).toString('base64');
}

const OPERATIONS: ReadonlyMap<string, (params: Params) => unknown> = new Map<string, (params: Params) => unknown>([
  [
    'pbkdf2',
    ({ password, salt, iterations, length, digest }) =>
      crypto
        .pbkdf2Sync(bytes(password), bytes(salt), number(iterations) ?? 0, derivedLength(length), text(digest))
        .toString('base64'),
  ],
  [
    'scrypt',
    ({ password, salt, length, N, r, p, maxmem }) => {
      const options = given({ N, r, p, maxmem: Math.min(number(maxmem) ?? SCRYPT_BYTES_MAX / 2, SCRYPT_BYTES_MAX) });
      return crypto.scryptSync(bytes(password), bytes(salt), derivedLength(length), options).toString('base64');
    },
  ],
  ['readKey', readKey],
  ['writeKey', writeKey],
  ['generate', generate],
  ['sign', (params) => crypto.sign(digestOf(params), bytes(params['data']), signing(params)).toString('base64')],
  [
    'verify',
    (params) => crypto.verify(digestOf(params), bytes(params['data']), signing(params), bytes(params['signature'])),
  ],
  ['crypt', crypt],
  ['rsa', rsa],
]);

/** JSON of the outcome; or `!` and JSON of the error's name, message and code. */
export function cryptography(operation: string, params: string): string {
  try {
    const run = OPERATIONS.get(operation);
    if (run === undefined || typeof params !== 'string') throw new RangeError('unknown operation');
    if (params.length > PARAMS_CHARS_MAX) throw new RangeError('at most 32 MB can be taken at a time');
    return JSON.stringify(run(JSON.parse(params) as Params));
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    return `!${JSON.stringify({ name, message, code })}`;
  }
}
