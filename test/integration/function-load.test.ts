/** Code on disk → a version that runs in the real sandbox. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkFunction } from '../../src/function/check.ts';
import { loadFunction } from '../../src/function/load.ts';
import type { FunctionCodeError, FunctionSource } from '../../src/function/types.ts';
import type { FunctionVersion } from '../../src/sandbox/types.ts';
import { source, useFunctions } from '../support/functions.ts';
import { errorOf, resultOf, useRuntime } from '../support/runtime.ts';

const functions = useFunctions();
const box = useRuntime();

async function run(fn: FunctionSource, event: unknown = {}): Promise<unknown> {
  // The bundler's version is the sandbox's version: the compiler checks it here too.
  const version: FunctionVersion = await loadFunction(fn, functions.cacheDir);
  return resultOf(await box.invoke(version, event));
}

async function failure(fn: FunctionSource): Promise<FunctionCodeError> {
  return loadFunction(fn, functions.cacheDir).then(
    () => expect.fail('it loaded'),
    (error: FunctionCodeError) => error,
  );
}

describe('a file', () => {
  test.each<[string, string, string]>([
    ['a.ts', 'interface E { n: number }\nexport const handler = async (e: E): Promise<number> => e.n + 1', 'handler'],
    [
      'a.mts',
      'const one: number = await Promise.resolve(1);\nexport const handler = async (e: any) => e.n + one',
      'handler',
    ],
    ['a.cts', 'exports.handler = async (e: any) => e.n + 1', 'handler'],
    ['a.js', 'export async function handler(e) { return e.n + 1 }', 'handler'],
    ['a.js', 'exports.handler = async (e) => e.n + 1', 'handler'],
    ['a.mjs', 'export default async (e) => e.n + 1', 'default'],
    ['a.cjs', 'module.exports = { api: { v1: { handler: async (e) => e.n + 1 } } }', 'api.v1.handler'],
    ['a.cjs', 'leak = 1; exports.handler = async (e) => e.n + leak', 'handler'],
    ['a.ts', 'export const then = 1; export const api = { handler: async (e: any) => e.n + then }', 'api.handler'],
  ])('%s: %s', async (name, code, handler) => {
    expect(await run(functions.file(code, { handler }, name), { n: 1 })).toBe(2);
  });

  test('modules are strict, CommonJS is not', async () => {
    const strict =
      'export const handler = async () => { try { undeclared = 1; return "sloppy" } catch (e) { return e.name } }';
    expect(await run(functions.file(strict))).toBe('ReferenceError');
  });

  test('import, require and import() of builtins and neighbours', async () => {
    const directory = functions.write({
      'index.ts': `
        import { inspect } from 'node:util';
        import path from 'path';
        import data from './data.json';
        import { two } from './lib/two.cjs';
        export const handler = async () => [
          inspect({ a: 1 }), path.join('a', 'b'), data.three, two, (await import('./lib/four.ts')).four,
          import.meta.url, (await import('node:os')).EOL, typeof require('events'), __dirname,
        ];`,
      'lib/two.cjs': "const { Buffer } = require('buffer'); exports.two = Buffer.from('2').toString()",
      'lib/four.ts': 'export const four: number = 4',
      'data.json': '{"three":3}',
    });
    const result = await run(source(path.join(directory, 'index.ts')));
    expect(result).toEqual(['{ a: 1 }', 'a/b', 3, '2', 4, 'file:///var/task/index.js', '\n', 'function', '/var/task']);
  });
});

describe('a directory', () => {
  const files = {
    'package.json': '{"name":"f"}',
    'src/index.ts':
      "import { double } from 'double';\nexport const handler = async (e: { n: number }) => double(e.n);\nexport const api = { handler }",
    'node_modules/double/package.json': '{"name":"double","main":"main.js"}',
    'node_modules/double/main.js': 'exports.double = (n) => 2 * n',
  };
  test.each(['src/index.handler', 'src/index.api.handler'])('%s', async (handler) => {
    expect(await run(source(functions.write(files), { handler }), { n: 4 })).toBe(8);
  });

  test.each<[string, Partial<typeof files>, string, RegExp]>([
    ['without the module', files, 'index.handler', /there is no module index in .*\(tried/],
    ['without an export', files, 'src/index', /not of the form file\.export/],
    ['outside of it', files, '../x.handler', /not of the form file\.export/],
  ])('%s', async (_name, written, handler, sentence) => {
    expect((await failure(source(functions.write(written), { handler }))).message).toMatch(sentence);
  });
});

describe('what is wrong is said with its place', () => {
  test.each<[string, string, string, [number, number], RegExp]>([
    ['syntax', 'a.ts', 'export const x = 1;\nexport const handler = async ( => 1;', [2, 32], /Unexpected|Expected/],
    [
      'an import of nothing',
      'a.ts',
      "\n  import x from './nope.ts';\nexport const handler = x",
      [2, 17],
      /Could not resolve "\.\/nope\.ts"/,
    ],
    [
      'a package that is not there',
      'a.js',
      "const x = require('no-such-package')",
      [1, 19],
      /Could not resolve "no-such-package"/,
    ],
  ])('%s', async (_name, name, code, [line, column], message) => {
    const fn = functions.file(code, {}, name);
    const error = await failure(fn);
    expect(error.problems[0]).toMatchObject({ severity: 'error', file: fn.code, line, column });
    expect(error.problems[0]!.message).toMatch(message);
  });

  test('several at once', async () => {
    const error = await failure(functions.file("import './a.ts'; import './b.ts'; export const handler = 1"));
    expect(error.problems.length).toBe(2);
    expect(error.message).toContain('(and 1 more)');
  });

  test.each<[string, RegExp]>([
    ['nothing.ts', /there is no file or directory/],
    ['code.py', /a function is a \.ts/],
  ])('%s', async (name, message) => {
    const directory = functions.write({ 'code.py': '' });
    expect((await failure(source(path.join(directory, name)))).message).toMatch(message);
  });

  test('a handler that is no name', async () => {
    expect((await failure(functions.file('', { handler: 'a-b' }))).message).toMatch(/no name of an export/);
  });
});

describe('the version', () => {
  const code = 'export const handler = async () => 1';

  test('is the same for the same code and settings, wherever they are', async () => {
    const a = await loadFunction(functions.file(code, { environment: { A: '1', B: '2' } }), functions.cacheDir);
    const b = await loadFunction(functions.file(code, { environment: { B: '2', A: '1' } }), functions.cacheDir);
    expect(b.hash).toBe(a.hash);
    expect(b.bundlePath).toBe(a.bundlePath);
  });

  test.each<[string, Partial<FunctionSource>, string]>([
    ['code', {}, 'export const handler = async () => 2'],
    ['handler', { handler: 'default' }, code],
    ['memory', { memorySize: 256 }, code],
    ['timeout', { timeout: 6 }, code],
    ['environment', { environment: { A: '1' } }, code],
    ['network', { network: { allow: ['a.example.com:443'] } }, code],
    ['name', { name: 'other' }, code],
  ])('is another one with another %s', async (_name, over, text) => {
    const before = await loadFunction(functions.file(code), functions.cacheDir);
    expect((await loadFunction(functions.file(text, over), functions.cacheDir)).hash).not.toBe(before.hash);
  });

  test('has its settings in the units of the sandbox, and its secrets from eight characters on', async () => {
    const environment = { LONG: 'abcdefgh', SHORT: 'abc', OPEN: 'abcdefghij' };
    const version = await loadFunction(
      functions.file(code, { timeout: 0.25, environment, secretNames: ['LONG', 'SHORT'] }),
      functions.cacheDir,
    );
    expect(version).toMatchObject({ timeoutMs: 250, memorySizeMb: 128, exportPath: 'handler', secrets: ['abcdefgh'] });
  });

  test('leaves no half-written files, and no path of this machine', async () => {
    const version = await loadFunction(functions.file(`${code};\nthrow new Error('x')`), functions.cacheDir);
    expect(readdirSync(path.dirname(version.bundlePath)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(readFileSync(version.bundlePath, 'utf8') + readFileSync(version.sourceMapPath!, 'utf8')).not.toContain(
      functions.root,
    );
  });

  test('errors name the lines of the source', async () => {
    const directory = functions.write({
      'index.ts': "import { fail } from './lib/fail.ts';\nexport const handler = async () => fail()",
      'lib/fail.ts': 'type A = number;\n\nexport function fail(): A {\n  throw new TypeError("no");\n}',
    });
    const version = await loadFunction(source(path.join(directory, 'index.ts')), functions.cacheDir);
    const { error } = errorOf(await box.invoke(version));
    expect(error.trace[1]).toMatch(/at fail \(\/var\/task\/lib\/fail\.ts:4:9\)/);
  });
});

describe('checkFunction', () => {
  const check = (fn: FunctionSource) =>
    checkFunction(fn, functions.cacheDir, async (version) => {
      const { outcome } = await box.invoke(version);
      return outcome.kind === 'function-error' ? outcome.error : null;
    });

  test('finds nothing wrong with what is right, and does not run the handler', async () => {
    expect(await check(functions.file('export const handler = () => { throw new Error("ran") }'))).toEqual([]);
    expect(await check(functions.file('export const api = { handler() {} }', { handler: 'api.handler' }))).toEqual([]);
  });

  test.each<[string, string, object]>([
    [
      'no such export',
      'export const handlr = () => 1',
      { code: 'function-handler', hint: 'functions that are exported: handlr', line: 1 },
    ],
    [
      'no function',
      'export const handler = { a: 1 }',
      { code: 'function-handler', message: 'handler is no function but an object (handler "handler")' },
    ],
    [
      'a throw',
      'const a: number = 1;\n\nthrow new RangeError("bad start");\nexport const handler = () => a',
      { code: 'function-init', line: 3, column: 7 },
    ],
    [
      'a rejected await',
      'await Promise.reject(new Error("away"));\nexport const handler = () => 1',
      { code: 'function-init', line: 1 },
    ],
    ['syntax', 'export const handler = (', { code: 'function-syntax' }],
  ])('%s', async (_name, code, expected) => {
    const fn = functions.file(code);
    const [problem, ...more] = await check(fn);
    expect(problem).toMatchObject({ severity: 'error', file: fn.code, ...expected });
    expect(more).toEqual([]);
  });

  test('a loop at the top level ends', async () => {
    const [problem] = await check(functions.file('for (;;);\nexport const handler = () => 1'));
    expect(problem).toMatchObject({
      code: 'function-init',
      message: 'the code does not come to an end when it is loaded',
    });
  }, 20_000);
});

describe('what a function may take in', () => {
  test('files of its own project and packages, nothing else of the host', async () => {
    const outside = functions.write({ 'secret.json': '{"password":"hunter2"}' });
    const inside = functions.write({ 'shared/list.json': '[1]', 'fn/handler.ts': 'export const handler = () => 1' });
    const project = mkdtempSync(path.join(tmpdir(), 'millrace-project-'));
    try {
      const write = (file: string, text: string) => writeFileSync(path.join(project, file), text);
      write('data.json', '[1]');
      write('good.ts', 'import d from "./data.json"; export const handler = () => d;');
      write(
        'bad.ts',
        `import s from ${JSON.stringify(path.join(outside, 'secret.json'))}; export const handler = () => s;`,
      );
      symlinkSync(path.join(outside, 'secret.json'), path.join(project, 'link.json'));
      write('linked.ts', 'import s from "./link.json"; export const handler = () => s;');
      const of = (file: string) => source(path.join(project, file));
      await expect(loadFunction(of('good.ts'), functions.cacheDir)).resolves.toMatchObject({ exportPath: 'handler' });
      for (const file of ['bad.ts', 'linked.ts']) {
        await expect(loadFunction(of(file), functions.cacheDir)).rejects.toThrow(/outside of the function's project/);
      }
      // Packages of one workspace use each other's files.
      writeFileSync(
        path.join(inside, 'fn/handler.ts'),
        'import l from "../shared/list.json"; export const handler = () => l;',
      );
      await expect(loadFunction(source(path.join(inside, 'fn/handler.ts')), functions.cacheDir)).resolves.toBeDefined();
    } finally {
      rmSync(project, { recursive: true, force: true });
    }
  });
});

test('what a package requires and is not installed fails when it is reached; what the function asks for itself, when it is bundled', async () => {
  const files = {
    'package.json': '{}',
    'node_modules/db/package.json': '{"main":"db.js"}',
    'node_modules/db/db.js': `exports.open = (kind) => (kind === 'fast' ? require('db-fast') : 'plain');
      exports.late = () => import('db-late');`,
    'index.js': `const db = require('db');
      exports.handler = async () => [db.open('plain'), await Promise.try(() => db.open('fast')).catch((e) => e.code), await db.late().catch((e) => e.code)];`,
    'own.js': `exports.handler = async () => require('db-fast');`,
  };
  const code = functions.write(files);
  const missing = 'MODULE_NOT_FOUND';
  expect(await run(source(code, { handler: 'index.handler' }))).toEqual(['plain', missing, missing]);
  const error = await failure(source(code, { handler: 'own.handler' }));
  expect(error.problems[0]).toMatchObject({ code: 'function-import', line: 1 });
});
