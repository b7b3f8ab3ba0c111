/** `code: fn.zip`: taken as Lambda takes it, in the real sandbox; and everything that an archive is refused for. */
import { existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { loadFunction } from '../../src/function/load.ts';
import type { FunctionCodeError, FunctionSource } from '../../src/function/types.ts';
import { unpackArchive } from '../../src/function/zip/unpack.ts';
import { UNPACKED_KEPT_MS, UNPACK_ABANDONED_MS, ZIP_ENTRIES_MAX } from '../../src/limits.ts';
import { source, useFunctions } from '../support/functions.ts';
import { errorOf, resultOf, useRuntime } from '../support/runtime.ts';
import { type ZipEntry, zip } from '../support/zip.ts';

const functions = useFunctions();
const box = useRuntime();
const MB = 1024 * 1024;

function archive(entries: Parameters<typeof zip>[0] | Buffer, over: Partial<FunctionSource> = {}): FunctionSource {
  const bytes = Buffer.isBuffer(entries) ? entries : zip(entries);
  return source(path.join(functions.write({ 'fn.zip': bytes }), 'fn.zip'), { handler: 'index.handler', ...over });
}

async function run(fn: FunctionSource, event: unknown = {}): Promise<unknown> {
  return resultOf(await box.invoke(await loadFunction(fn, functions.cacheDir), event));
}

async function refusal(fn: FunctionSource, cacheDir = functions.cacheDir): Promise<FunctionCodeError> {
  return loadFunction(fn, cacheDir).then(
    () => expect.fail('it was taken'),
    (error: FunctionCodeError) => error,
  );
}

const HANDLER = 'exports.handler = async (event) => ({ event })';

describe('an archive runs', () => {
  test.each<[string, Parameters<typeof zip>[0]]>([
    ['deflated', { 'index.js': HANDLER }],
    ['stored', [{ name: 'index.js', data: HANDLER, stored: true }]],
    ['streamed', [{ name: 'index.js', data: HANDLER, streamed: true }]],
    ['with Zip64 fields', [{ name: 'index.js', data: HANDLER, zip64: true }]],
    ['with ./ before its names', { './index.js': HANDLER }],
    [
      'with Unix modes',
      [
        { name: 'lib/', mode: 0o040755 },
        { name: 'index.js', data: HANDLER, mode: 0o100644 },
      ],
    ],
  ])('%s', async (_name, entries) => {
    expect(await run(archive(entries), { n: 1 })).toEqual({ event: { n: 1 } });
  });

  test('with packages, folders, JSON, ES modules, and no package.json', async () => {
    const fn = archive(
      {
        'src/handlers/api.js':
          "const double = require('double'); const data = require('../data.json');\nexports.v1 = { handler: async (e) => double(e.n) + data.one + (await import('../more.mjs')).two };",
        'src/data.json': '{"one":1}',
        'src/more.mjs': 'export const two = await Promise.resolve(2);',
        'node_modules/double/package.json': '{"name":"double","exports":"./lib/main.js"}',
        'node_modules/double/lib/main.js': 'module.exports = (n) => 2 * n;',
      },
      { handler: 'src/handlers/api.v1.handler' },
    );
    expect(await run(fn, { n: 4 })).toBe(11);
  });

  test('what a project around the cache says does not count', async () => {
    const project = functions.write({
      'package.json': '{"type":"module"}',
      'tsconfig.json': '{"compilerOptions":{"paths":{"own":["./own.js"]}}}',
      'own.js': 'module.exports = 1',
      'node_modules/near/index.js': 'module.exports = "stolen"',
    });
    const cacheDir = path.join(project, '.millrace/cache');
    const optional = archive({
      'index.js': `let near = 'none'; try { near = require('near') } catch {}\nexports.handler = async () => near;`,
    });
    const version = await loadFunction(optional, cacheDir);
    expect(resultOf(await box.invoke(version))).toBe('none');
    expect(
      (await refusal(archive({ 'index.mjs': "import 'near'; export const handler = 1" }), cacheDir)).message,
    ).toMatch(/fn\.zip!\/index\.mjs:1:8: Could not resolve "near"/);
    expect(
      (await refusal(archive({ 'index.ts': "import 'own'; export const handler = 1" }), cacheDir)).message,
    ).toContain('Could not resolve "own"');
  });

  test('errors name the lines of the archive, in traces and before', async () => {
    const version = await loadFunction(
      archive({ 'index.ts': 'type A = 1;\nexport const handler = async () => {\n  throw new RangeError("no");\n};' }),
      functions.cacheDir,
    );
    expect(errorOf(await box.invoke(version)).error.trace[1]).toContain('/var/task/index.ts:3:9');
    const fn = archive({ 'index.js': 'exports.handler = 1;\n\n  let = ;', 'lib/a.js': '' });
    const { problems, message } = await refusal(fn);
    expect(problems[0]).toMatchObject({
      code: 'function-syntax',
      file: fn.code,
      entry: 'index.js',
      line: 3,
      column: 9,
    });
    expect(message).toContain('fn.zip!/index.js:3:9: ');
  });
});

describe('a file outside of the archive cannot be imported', () => {
  test.each<[string, (outside: string) => string]>([
    ['by an absolute path', (outside) => `require(${JSON.stringify(outside)})`],
    ['by .. to the cache', () => `require('../../secret.json')`],
    ['by a file URL', (outside) => `require('file://${outside}')`],
  ])('%s', async (_name, code) => {
    const outside = path.join(
      functions.write({ 'node_modules/x/secret.json': '{"password":"hunter2"}' }),
      'node_modules/x/secret.json',
    );
    mkdirSync(path.join(functions.cacheDir, 'unpacked'), { recursive: true });
    writeFileSync(path.join(functions.cacheDir, 'unpacked/secret.json'), '{"password":"hunter2"}');
    const fn = archive({ 'index.js': `exports.handler = async () => ${code(outside)};` });
    expect((await refusal(fn)).message).toMatch(/outside of the function's project \(fn\.zip\)|Could not resolve/);
  });

  test.each([
    '../../../../../../../../../../dev/zero',
    'file:///dev/zero',
    '..%2f..%2f..%2f..%2f..%2f..%2fdev/zero',
    'a*/../../../../../../../../../dev/zero',
  ])('nor one named as a source map: %s', async (url) => {
    const fn = archive({ 'index.js': `${HANDLER}\n//# sourceMappingURL=${url}` });
    expect(await run(fn, 1)).toEqual({ event: 1 });
  });
});

describe('an archive is refused', () => {
  const good: ZipEntry = { name: 'index.js', data: HANDLER };
  const zeros = Buffer.alloc(3 * MB);
  const cases: [string, Parameters<typeof zip>[0] | Buffer, Partial<FunctionSource>, string][] = [
    ['that is none', Buffer.from('this is text, and long enough to be read as a file'), {}, 'this is no zip archive'],
    ['of no bytes', Buffer.alloc(0), {}, 'this is no zip archive'],
    ['without entries', zip([]), {}, 'the archive is empty'],
    ['that is cut off', zip([good]).subarray(0, -10), {}, 'the archive is damaged or cut off'],
    ['whose beginning is missing', zip([good]).subarray(20), {}, "of the archive's directory cannot be read"],
    [
      'whose data is cut out',
      Buffer.concat([zip([good]).subarray(0, 40), zip([good]).subarray(60)]),
      {},
      'cannot be read',
    ],
    ['with an absolute path', [{ ...good, name: '/index.js' }], {}, 'the entry "/index.js" has an absolute path'],
    ['with a drive letter', [{ ...good, name: 'C:/index.js' }], {}, 'has a drive letter in its name'],
    ['with ..', [good, { name: 'lib/../../up.js' }], {}, 'the entry "lib/../../up.js" leads out of the archive'],
    ['with a backslash', [good, { name: 'lib\\up.js' }], {}, 'has a backslash in its name'],
    ['with a NUL', [good, { name: 'a\0.js' }], {}, 'the entry "a\\u0000.js" has a NUL in its name'],
    ['with a control character', [good, { name: 'a\u001b[2J.js' }], {}, '"a\\u001b[2J.js" has a control character'],
    ['with an empty part', [good, { name: 'lib//a.js' }], {}, 'has an empty part in its path'],
    ['with no name', [good, { name: '' }], {}, 'has no name'],
    ['with a long name', [good, { name: 'x'.repeat(300) }], {}, 'has a name of more than 255 bytes'],
    ['with a long path', [good, { name: 'x/'.repeat(600) + 'y' }], {}, 'has a path of more than 1024 bytes'],
    ['with a name twice', [good, good], {}, 'the entry "index.js" is there twice'],
    ['with a name in two spellings', [good, { ...good, name: './index.js' }], {}, 'is there twice'],
    ['with a folder twice', [good, { name: 'a/' }, { name: 'a/' }], {}, 'is there twice'],
    ['with a file that is a folder', [good, { name: 'a/b' }, { name: 'a' }], {}, 'is there as a directory too'],
    ['with a folder that is a file', [good, { name: 'a' }, { name: 'a/' }], {}, 'is there as a file too'],
    ['with a file below a file', [good, { name: 'a' }, { name: 'a/b/c' }], {}, 'lies below a file'],
    [
      'with a symbolic link',
      [good, { name: 'l', data: '/etc/passwd', mode: 0o120777 }],
      {},
      'the entry "l" is a symbolic link',
    ],
    ['with a pipe', [good, { name: 'p', mode: 0o010644 }], {}, 'is a named pipe'],
    ['with a device', [good, { name: 'd', mode: 0o020644 }], {}, 'is a device'],
    ['with a socket', [good, { name: 's', mode: 0o140644 }], {}, 'is a socket'],
    ['with an unknown kind', [good, { name: 'u', mode: 0o170644 }], {}, 'is neither a file nor a directory'],
    [
      'with a folder in disguise',
      [good, { name: 'u', mode: 0o040755 }],
      {},
      'is a directory, but has the name of a file',
    ],
    ['with content in a folder', [good, { name: 'a/', data: 'x' }], {}, 'is a directory with content'],
    ['with encryption', [{ ...good, says: { flags: 0x801 } }], {}, 'the entry "index.js" is encrypted'],
    ['with strong encryption', [{ ...good, says: { flags: 0x841 } }], {}, 'strong encryption'],
    ['with another method', [{ ...good, says: { method: 12 } }], {}, 'is compressed by method 12'],
    ['with a wrong checksum', [{ ...good, says: { crc: 1 } }], {}, 'the entry "index.js" does not match its checksum'],
    [
      'with two sizes of a stored entry',
      [{ ...good, stored: true, says: { size: 5 } }],
      {},
      'is stored, but has two sizes',
    ],
    [
      'with data that is no deflate stream',
      [{ ...good, stored: true, says: { method: 8 } }],
      {},
      'cannot be decompressed',
    ],
    ['with more than it says', [{ ...good, says: { size: 5 } }], {}, 'is larger than its header says'],
    ['with less than it says', [{ ...good, says: { size: 500 } }], {}, 'is smaller than its header says'],
    [
      'that is too large',
      [{ ...good, data: Buffer.alloc(2 * MB), stored: true }],
      { maximumZippedSizeInMB: 1 },
      'the archive has 2.0 MB; at most 1 MB are taken',
    ],
    [
      'that unpacks to too much',
      [good, { name: 'z', data: zeros }],
      { maximumUnzippedSizeInMB: 2 },
      'the archive unpacks to more than 2 MB',
    ],
    [
      'that lies and unpacks to too much',
      [good, { name: 'z', data: zeros, says: { size: 10 } }],
      { maximumUnzippedSizeInMB: 2 },
      'the entry "z" is larger than its header says',
    ],
    [
      'that says it unpacks to 2^52 bytes',
      [{ ...good, zip64: true, says: { size: 2 ** 52 } }],
      {},
      'unpacks to more than 250 MB',
    ],
    [
      'with entries that share bytes',
      [good, { ...good, name: 'b.js', onlyListed: true, says: { localOffset: 0 } }],
      {},
      'the entry "b.js" shares bytes with "index.js"',
    ],
    ['with an entry beyond its end', [{ ...good, says: { localOffset: 10_000 } }], {}, 'cannot be read'],
    ['with too many entries', many(ZIP_ENTRIES_MAX + 1), {}, `at most ${ZIP_ENTRIES_MAX} are taken`],
    [
      'with more source than is bundled',
      { 'index.js': `${HANDLER};${'x();'.repeat(9 * MB)}` },
      {},
      "the function's code is larger than 32 MB",
    ],
    ['without the module', { 'lib/index.js': HANDLER }, {}, 'there is no module index in'],
    ['with a handler of no form', { 'index.js': HANDLER }, { handler: 'handler' }, 'not of the form file.export'],
  ];

  test.each(cases)('%s', async (_name, entries, over, sentence) => {
    const fn = archive(entries, over);
    const error = await refusal(fn);
    expect(error.message).toContain(sentence);
    expect(error.problems[0]!.file).toBe(fn.code);
    expect(error.exitCode).toBe(1);
    // Nothing half-way is left.
    const cache = path.join(functions.cacheDir, 'unpacked');
    expect(existsSync(cache) ? readdirSync(cache).filter((name) => name.endsWith('.tmp')) : []).toEqual([]);
  });
});

/** Zip64's count, because 16 bits do not hold it. */
function many(count: number): Buffer {
  const plain = zip({ 'index.js': HANDLER });
  const end = plain.subarray(-22);
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(end.readUInt32LE(12)), 40);
  record.writeBigUInt64LE(BigInt(end.readUInt32LE(16)), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(plain.length - 22), 8);
  locator.writeUInt32LE(1, 16);
  const last = Buffer.from(end);
  last.writeUInt16LE(0xffff, 8);
  last.writeUInt16LE(0xffff, 10);
  return Buffer.concat([plain.subarray(0, -22), record, locator, last]);
}

describe('the cache', () => {
  const limits = { maximumZippedSizeInMB: 50, maximumUnzippedSizeInMB: 250 };

  test('an archive in an archive is a file', async () => {
    const inner = zip({ 'index.js': HANDLER });
    const fn = archive({ 'index.js': 'exports.handler = async () => 1', 'inner.zip': inner });
    const root = await unpackArchive(fn.code, limits, functions.cacheDir);
    expect(readFileSync(path.join(root, 'inner.zip'))).toEqual(inner);
  });

  test('holds an archive once, whoever unpacks it at the same time', async () => {
    const cacheDir = path.join(functions.root, 'cache-once');
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`lib/${n}.js`, `exports.n = ${n}`]));
    const fn = archive({ 'index.js': HANDLER, ...files });
    // Modules of their own know nothing of each other, as two daemons do.
    const daemons: (typeof unpackArchive)[] = [];
    for (let n = 0; n < 4; n++) {
      vi.resetModules();
      daemons.push((await import('../../src/function/zip/unpack.ts')).unpackArchive);
    }
    const roots = await Promise.all(daemons.flatMap((one) => [one, one]).map((one) => one(fn.code, limits, cacheDir)));
    expect(new Set(daemons).size).toBe(4);
    expect(new Set(roots).size).toBe(1);
    expect(readdirSync(path.join(cacheDir, 'unpacked'))).toEqual([path.basename(path.dirname(roots[0]!))]);
    expect(readdirSync(path.join(roots[0]!, 'lib')).length).toBe(200);
  });

  test('limits are those of the function that asks, also when another one unpacked it before', async () => {
    const fn = archive([
      { name: 'index.js', data: HANDLER },
      { name: 'data', data: Buffer.alloc(2 * MB) },
    ]);
    await loadFunction(fn, functions.cacheDir);
    expect((await refusal({ ...fn, maximumUnzippedSizeInMB: 1 })).message).toContain('unpacks to more than 1 MB');
  });

  test('what nobody asks for goes, and so does what a killed process left', async () => {
    const cacheDir = path.join(functions.root, 'cache-old');
    const cache = path.join(cacheDir, 'unpacked');
    const aged = (name: string, ms: number): void => {
      mkdirSync(path.join(cache, name, 'task'), { recursive: true });
      const at = new Date(Date.now() - ms);
      utimesSync(path.join(cache, name), at, at);
    };
    aged('old', UNPACKED_KEPT_MS + 60_000);
    aged('young', UNPACKED_KEPT_MS - 60_000);
    aged('left.1.aa.tmp', UNPACK_ABANDONED_MS + 60_000);
    aged('running.1.aa.tmp', UNPACK_ABANDONED_MS - 60_000);
    await loadFunction(archive({ 'index.js': 'exports.handler = async () => "fresh"' }), cacheDir);
    expect(readdirSync(cache).filter((name) => name.length < 64)).toEqual(['running.1.aa.tmp', 'young']);
  });

  test('another archive under the same name is another version', async () => {
    const fn = archive({ 'index.js': 'exports.handler = async () => 1' });
    const before = await loadFunction(fn, functions.cacheDir);
    writeFileSync(fn.code, zip({ 'index.js': 'exports.handler = async () => 2' }));
    const after = await loadFunction(fn, functions.cacheDir);
    expect(after.hash).not.toBe(before.hash);
    expect(resultOf(await box.invoke(after))).toBe(2);
  });
});
