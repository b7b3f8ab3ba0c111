/** node:crypto and crypto.subtle of the isolate beside Node's own: the same answers, and each understands the other. */
import * as nodeCrypto from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { errorOf, resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();
const run = async (body: string, event: unknown = {}) => resultOf(await box.run(body, event));

/** Evaluated in the isolate and here, with `c` for node:crypto. */
const SAME = [
  ...nodeCrypto
    .getHashes()
    .filter((name) =>
      /^(md5|sha1|sha224|sha256|sha384|sha512|sha512-224|sha512-256|sha3-\d+|ripemd160|blake2b512|blake2s256)$/.test(
        name,
      ),
    )
    .map((name) => `c.createHash('${name}').update('a').update(Buffer.from([1])).digest('hex')`),
  `c.createHmac('sha3-256', c.createSecretKey('key', 'utf8')).update('a').digest('base64')`,
  `c.createHash('RSA-SHA256').update('a').digest('base64url')`,
  `c.pbkdf2Sync('pass', 'salt', 1000, 40, 'sha512').toString('hex')`,
  `c.scryptSync('pass', 'salt', 32, { N: 1024, r: 8, p: 1 }).toString('hex')`,
  `Buffer.from(c.hkdfSync('sha256', 'key', 'salt', 'info', 77)).toString('hex')`,
  `Buffer.from(c.hkdfSync('sha512', c.createSecretKey(Buffer.from('key')), '', '', 10)).toString('hex')`,
  `(() => { const k = Buffer.alloc(32, 1); const x = c.createCipheriv('aes-256-cbc', k, Buffer.alloc(16, 2)); return x.update('hello wörld', 'utf8', 'hex') + x.update('more and more', 'utf8', 'hex') + x.final('hex') })()`,
  `(() => { const x = c.createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2)); return [x.update('hello', 'utf8', 'hex'), x.update('you', 'utf8', 'hex'), x.final('hex')] })()`,
  `(() => { const x = c.createCipheriv('aes-256-gcm', Buffer.alloc(32, 1), Buffer.alloc(12, 2)); x.setAAD(Buffer.from('about')); const out = x.update('secret', 'utf8', 'base64') + x.final('base64'); return [out, x.getAuthTag().toString('hex')] })()`,
  `(() => { const x = c.createDecipheriv('aes-128-ecb', Buffer.alloc(16, 1), null); x.setAutoPadding(false); return x.update(Buffer.alloc(32, 3)).toString('hex') + x.final('hex') })()`,
  `(() => { const x = c.createCipheriv('chacha20-poly1305', Buffer.alloc(32, 1), Buffer.alloc(12), { authTagLength: 16 }); return [x.update('a', 'utf8', 'hex') + x.final('hex'), x.getAuthTag().length] })()`,
  `c.createSecretKey(Buffer.from('abc')).export({ format: 'jwk' })`,
  `[c.createSecretKey(Buffer.from('abc')).symmetricKeySize, c.createSecretKey('ab', 'utf8').equals(c.createSecretKey('ab', 'utf8'))]`,
];

test.each(SAME)('%s', async (code) => {
  const expected = new Function('c', `return ${code}`)(nodeCrypto) as unknown;
  expect(await run(`const c = require('node:crypto'); return ${code}`)).toEqual(expected);
});

describe('signatures', () => {
  const rsa = nodeCrypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = nodeCrypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ed = nodeCrypto.generateKeyPairSync('ed25519');
  const pem = ({ publicKey, privateKey }: Record<'publicKey' | 'privateKey', nodeCrypto.KeyObject>) => ({
    publicKey: publicKey.export({ format: 'pem', type: 'spki' }),
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }),
  });

  test.each([
    ['RSA', rsa, 'sha256', {}],
    ['RSA-PSS', rsa, 'sha512', { padding: 6, saltLength: 20 }],
    ['ECDSA, as DER', ec, 'sha256', {}],
    ['ECDSA, as JWT has it', ec, 'sha256', { dsaEncoding: 'ieee-p1363' }],
    ['Ed25519', ed, null, {}],
  ] as const)('%s: Node verifies what the isolate signed, and the other way', async (_name, pair, digest, options) => {
    const keys = pem(pair);
    const theirs = nodeCrypto.sign(digest, Buffer.from('text'), { key: keys.privateKey, ...options } as never);
    const result = (await run(
      `const c = require('crypto'); const data = Buffer.from('text');
       const priv = c.createPrivateKey(event.privateKey); const pub = c.createPublicKey(event.publicKey);
       const theirs = Buffer.from(event.theirs, 'base64');
       return { ours: c.sign(event.digest, data, { key: priv, ...event.options }).toString('base64'),
         verified: c.verify(event.digest, data, { key: pub, ...event.options }, theirs),
         forged: c.verify(event.digest, Buffer.from('texT'), { key: event.publicKey, ...event.options }, theirs),
         kinds: [priv.type, pub.type, pub.asymmetricKeyType, priv.asymmetricKeyType],
         pem: [pub.export({ format: 'pem', type: 'spki' }) === event.publicKey, c.createPublicKey(priv).equals(pub)],
         jwk: c.createPublicKey({ key: pub.export({ format: 'jwk' }), format: 'jwk' }).equals(pub) }`,
      { ...keys, digest, options, theirs: theirs.toString('base64') },
    )) as { ours: string } & Record<string, unknown>;
    const { ours, ...rest } = result;
    const kind = pair.publicKey.asymmetricKeyType;
    expect(rest).toEqual({
      verified: true,
      forged: false,
      kinds: ['private', 'public', kind, kind],
      pem: [true, true],
      jwk: true,
    });
    const key = { key: keys.publicKey, ...options } as never;
    expect(nodeCrypto.verify(digest, Buffer.from('text'), key, Buffer.from(ours, 'base64'))).toBe(true);
  });

  test('createSign, createVerify, and RSA encryption', async () => {
    const keys = pem(rsa);
    const sealed = nodeCrypto.publicEncrypt({ key: keys.publicKey, oaepHash: 'sha256' }, Buffer.from('pin'));
    const result = (await run(
      `const c = require('crypto'); const signature = c.createSign('RSA-SHA256').update('te').update('xt').sign(event.privateKey, 'hex');
       return { signature, right: c.createVerify('RSA-SHA256').update('text').verify(event.publicKey, signature, 'hex'),
         opened: c.privateDecrypt({ key: event.privateKey, oaepHash: 'sha256' }, Buffer.from(event.sealed, 'base64')).toString(),
         modulus: c.createPublicKey(event.publicKey).asymmetricKeyDetails.modulusLength,
         exponent: String(c.createPublicKey(event.publicKey).asymmetricKeyDetails.publicExponent) }`,
      { ...keys, sealed: sealed.toString('base64') },
    )) as { signature: string };
    const signature = nodeCrypto.createSign('RSA-SHA256').update('text').sign(keys.privateKey, 'hex');
    expect(result).toEqual({ signature, right: true, opened: 'pin', modulus: 2048, exponent: '65537' });
  });

  test('a key with a pass phrase; key pairs that are made inside', async () => {
    const privateKey = ed.privateKey.export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'open',
    });
    const result = await run(
      `const c = require('crypto'); const key = c.createPrivateKey({ key: event.privateKey, passphrase: 'open' });
       const wrong = (() => { try { c.createPrivateKey({ key: event.privateKey, passphrase: 'shut' }) } catch (error) { return error instanceof Error } })();
       const { publicKey, privateKey } = c.generateKeyPairSync('ec', { namedCurve: 'P-256' });
       const pem = c.generateKeyPairSync('ed25519', { publicKeyEncoding: { format: 'pem', type: 'spki' }, privateKeyEncoding: { format: 'pem', type: 'pkcs8' } });
       return [key.asymmetricKeyType, wrong, c.verify('sha1', Buffer.from('a'), publicKey, c.sign('sha1', Buffer.from('a'), privateKey)), pem.publicKey.slice(0, 26)]`,
      { privateKey },
    );
    expect(result).toEqual(['ed25519', true, true, '-----BEGIN PUBLIC KEY-----']);
  });
});

describe('crypto.subtle', () => {
  /** Runs in Node and in the isolate. */
  const BODIES = [
    `const k = await s.importKey('raw', new Uint8Array(32).fill(7), 'AES-GCM', true, ['encrypt', 'decrypt']);
     const sealed = await s.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12), additionalData: text('about') }, k, text('secret'));
     const opened = await s.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12), additionalData: text('about') }, k, sealed);
     return [hex(sealed), hex(opened), k.algorithm, k.usages, k.type, (await s.exportKey('jwk', k)).k]`,
    `const k = await s.importKey('raw', new Uint8Array(16).fill(7), { name: 'aes-cbc' }, false, ['encrypt']);
     return [hex(await s.encrypt({ name: 'AES-CBC', iv: new Uint8Array(16) }, k, text('secret'))), k.extractable, k.algorithm]`,
    `const k = await s.importKey('raw', text('password'), 'PBKDF2', false, ['deriveBits', 'deriveKey']);
     const aes = await s.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt: text('salt'), iterations: 10 }, k, { name: 'AES-GCM', length: 256 }, true, ['encrypt']);
     return [hex(await s.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: text('salt'), iterations: 10 }, k, 128)), hex(await s.exportKey('raw', aes))]`,
    `const k = await s.importKey('raw', text('key'), 'HKDF', false, ['deriveBits']);
     return hex(await s.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: text('s'), info: text('i') }, k, 320))`,
    `const k = await s.importKey('jwk', { kty: 'oct', k: 'a2V5' }, { name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']);
     const signature = await s.sign('HMAC', k, text('a'));
     return [hex(signature), await s.verify('HMAC', k, signature, text('a')), await s.verify('HMAC', k, signature, text('b')), k.algorithm]`,
    `const { publicKey, privateKey } = await s.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
     const signature = await s.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, text('a'));
     const jwk = await s.exportKey('jwk', publicKey);
     const again = await s.importKey('jwk', { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y }, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']);
     return [signature.byteLength, await s.verify({ name: 'ECDSA', hash: 'SHA-256' }, again, signature, text('a')), publicKey.usages, privateKey.usages,
       publicKey.algorithm, privateKey.extractable, await s.exportKey('jwk', privateKey).catch((error) => error.name)]`,
    `const pair = await s.generateKey({ name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, true, ['sign', 'verify']);
     const spki = await s.exportKey('spki', pair.publicKey);
     const k = await s.importKey('spki', spki, { name: 'RSA-PSS', hash: 'SHA-256' }, true, ['verify']);
     const signature = await s.sign({ name: 'RSA-PSS', saltLength: 32 }, pair.privateKey, text('a'));
     return [await s.verify({ name: 'RSA-PSS', saltLength: 32 }, k, signature, text('a')), k.algorithm.modulusLength, k.algorithm.hash]`,
    `const k = await s.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['decrypt']);
     return [await s.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, k, text('a')).catch((error) => error.name),
       await s.decrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, k, new Uint8Array(40)).catch((error) => error instanceof Error),
       await s.importKey('raw', text('a'), 'AES-XYZ', false, ['decrypt']).catch((error) => error.name)]`,
  ];
  const PREPARED = `const s = crypto.subtle; const text = (t) => new TextEncoder().encode(t); const hex = (b) => Buffer.from(b).toString('hex');`;

  test.each(BODIES)('%s', async (body) => {
    const AsyncFunction = (async () => undefined).constructor as new (body: string) => () => Promise<unknown>;
    const expected = JSON.parse(JSON.stringify(await new AsyncFunction(PREPARED + body)())) as unknown;
    expect(await run(PREPARED + body)).toEqual(expected);
  });
});

describe('what a call may cost', () => {
  test.each([
    [`require('crypto').scryptSync('a', 'b', 32, { N: 2 ** 20, r: 8, maxmem: 2 ** 32 })`, /memory limit exceeded/i],
    [`require('crypto').pbkdf2Sync('a', 'b', 1, 2 ** 24, 'sha256')`, /at most/],
    [`require('crypto').createHash('sha256').update(Buffer.alloc(33 * 2 ** 20)).digest()`, /at most/],
  ])('%s is refused', async (code, says) => {
    expect(errorOf(await box.run(`return ${code}`, {}, { memorySizeMb: 256 })).error.errorMessage).toMatch(says);
  });

  test('an endless derivation ends with the timeout', async () => {
    const code = `require('crypto').pbkdf2Sync('a', 'b', 2 ** 31 - 1, 64, 'sha512')`;
    expect(errorOf(await box.run(code, {}, { timeoutMs: 500 })).error.errorType).toBe('Sandbox.Timedout');
  });
});
