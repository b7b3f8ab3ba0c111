/** Whatever the code went through, an error names the user's own files and lines: before it runs, in the trace, and in the log. */
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type BundleResult, bundle } from '../../src/esbuild.ts';
import { checkFunction } from '../../src/function/check.ts';
import { loadFunction } from '../../src/function/load.ts';
import type { FunctionSource } from '../../src/function/types.ts';
import { source, useFunctions } from '../support/functions.ts';
import { errorOf, resultOf, useRuntime } from '../support/runtime.ts';
import { zip } from '../support/zip.ts';

const functions = useFunctions();
const box = useRuntime();

type Files = Record<string, string>;
const FORMS = {
  directory: (files: Files) => source(functions.write(files), { handler: 'index.handler' }),
  archive: (files: Files) =>
    source(path.join(functions.write({ 'fn.zip': zip(files) }), 'fn.zip'), { handler: 'index.handler' }),
};
const FORM_NAMES = ['directory', 'archive'] as const;

async function traceOf(fn: FunctionSource): Promise<string> {
  const version = await loadFunction(fn, functions.cacheDir);
  return errorOf(await box.invoke(version)).error.trace.join('\n');
}

/** A user's own build: two TypeScript files in one, and the map that belongs to it. */
const built = { code: '', map: '' };
beforeAll(async () => {
  const root = functions.write({
    'src/api.ts': `import { check } from './lib/check.ts';\n\ninterface Event { n?: number }\nexport const handler = async (event: Event): Promise<void> => {\n  check(event.n);\n};`,
    'src/lib/check.ts': `type N = number | undefined;\n\n\nexport function check(n: N): void {\n  if (n === undefined) throw new RangeError('no n');\n}`,
  });
  const result: BundleResult = await bundle({
    entry: `export * from './src/api.ts';`,
    root,
    format: 'esm',
    plugins: [],
    options: { minify: true },
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  built.code = result.bundle.code;
  built.map = result.bundle.sourceMap;
});

describe.each(FORM_NAMES)('the trace, from a %s', (form) => {
  test('of TypeScript', async () => {
    const code = 'interface A { a: 1 }\n\nexport const handler = async () => {\n  throw new TypeError("x");\n};';
    expect(await traceOf(FORMS[form]({ 'index.ts': code }))).toContain('/var/task/index.ts:4:9');
  });

  test.each<[string, () => Files]>([
    [
      'inline',
      () => ({
        'index.mjs': `${built.code}//# sourceMappingURL=data:application/json;base64,${Buffer.from(built.map).toString('base64')}`,
      }),
    ],
    [
      'beside it',
      () => ({ 'index.mjs': `${built.code}//# sourceMappingURL=index.mjs.map`, 'index.mjs.map': built.map }),
    ],
    [
      'in a folder',
      () => ({
        'index.mjs': `export * from './dist/main.mjs'`,
        'dist/main.mjs': `${built.code}//# sourceMappingURL=maps/main.map`,
        'dist/maps/main.map': built.map,
      }),
    ],
  ])('of a build with its source map %s', async (_name, files) => {
    const trace = await traceOf(FORMS[form](files()));
    expect(trace).toMatch(/src\/lib\/check\.ts:5:30/);
    expect(trace).toMatch(/src\/api\.ts:5:3/);
  });

  test('of a build without its map, or with one that is none, names the build', async () => {
    const bad = { 'index.mjs': `${built.code}//# sourceMappingURL=index.mjs.map` };
    expect(await traceOf(FORMS[form](bad))).toContain('/var/task/index.mjs:1:');
    expect(await traceOf(FORMS[form]({ ...bad, 'index.mjs.map': 'this is no JSON' }))).toContain(
      '/var/task/index.mjs:1:',
    );
  });

  test('of a package', async () => {
    const files = {
      'index.js': 'exports.handler = async () => require("p").fail();',
      'node_modules/p/index.js': '\n\nexports.fail = () => {\n  throw new Error("p");\n};',
    };
    const trace = await traceOf(FORMS[form](files));
    expect(trace).toContain('/var/task/node_modules/p/index.js:4:9');
    expect(trace).toContain('/var/task/index.js:1:');
  });

  test('in the log', async () => {
    const files = {
      'index.ts': `import { fail } from './lib/fail.ts';\n\nexport const handler = async () => {\n  try { fail(); } catch (error) { console.error(error); console.log('at', (error as Error).stack); }\n};`,
      'lib/fail.ts': `type A = 1;\n\nexport function fail(): never {\n  throw new Error('no');\n}`,
    };
    const version = await loadFunction(FORMS[form](files), functions.cacheDir);
    const { outcome, logs } = await box.invoke(version);
    resultOf({ outcome, logs });
    for (const { text } of logs) {
      expect(text).toContain('/var/task/lib/fail.ts:4:9');
      expect(text).toContain('/var/task/index.ts:4:');
      expect(text).not.toContain('/var/task/index.js');
    }
    expect(logs.length).toBe(2);
  });
});

describe.each(FORM_NAMES)('before it runs, from a %s', (form) => {
  const check = (fn: FunctionSource) =>
    checkFunction(fn, functions.cacheDir, async (version) => {
      const { outcome } = await box.invoke(version);
      return outcome.kind === 'function-error' ? outcome.error : null;
    });

  test.each<[string, Files, object]>([
    [
      'syntax of TypeScript',
      { 'index.ts': 'export const a: number = 1;\nexport const handler = async ( => 1;' },
      { code: 'function-syntax', file: 'index.ts', line: 2, column: 32 },
    ],
    [
      'syntax of an import',
      { 'index.ts': 'import "./lib/a.js"; export const handler = 1', 'lib/a.js': '\nlet a = {;' },
      { code: 'function-syntax', file: 'lib/a.js', line: 2, column: 10 },
    ],
    [
      'syntax of JSON',
      { 'index.js': 'require("./a.json")', 'a.json': '{\n  "a": 1,,\n}' },
      { code: 'function-syntax', file: 'a.json', line: 2, column: 10 },
    ],
    [
      'syntax of a package',
      { 'index.js': 'require("p")', 'node_modules/p/index.js': 'if (' },
      { code: 'function-syntax', file: 'node_modules/p/index.js', line: 1, column: 5 },
    ],
    [
      'a missing file',
      { 'index.mjs': 'import { a } from\n  "./lib/b.mjs";' },
      { code: 'function-import', file: 'index.mjs', line: 2, column: 3 },
    ],
    [
      'a missing package of a package',
      { 'index.js': 'require("p")', 'node_modules/p/index.js': '\nrequire("not-there")' },
      { code: 'function-import', file: 'node_modules/p/index.js', line: 2, column: 1 },
    ],
    [
      'an export that is not there',
      {
        'index.mjs': 'import { a } from "./lib.mjs";\nexport const handler = () => a;',
        'lib.mjs': 'export const b = 1',
      },
      { code: 'function-import', file: 'index.mjs', line: 1, column: 10 },
    ],
    [
      'a throw',
      {
        'index.ts': 'import "./lib.ts"; export const handler = () => 1',
        'lib.ts': 'type A = 1;\nthrow new Error("start");',
      },
      { code: 'function-init', file: 'lib.ts', line: 2, column: 7 },
    ],
    [
      'a throw of a package',
      { 'index.js': '\nrequire("p")', 'node_modules/p/index.js': 'throw new Error("p")' },
      { code: 'function-init', file: 'index.js', line: 2, column: 1 },
    ],
    [
      'no function',
      { 'index.js': 'exports.handler = 1' },
      { code: 'function-handler', file: 'index.js', line: 1, column: 1 },
    ],
  ])('%s', async (_name, files, { file, ...expected }: { file?: string }) => {
    const fn = FORMS[form](files);
    const [problem] = await check(fn);
    const place = form === 'archive' ? { file: fn.code, entry: file } : { file: path.join(fn.code, file!) };
    expect(problem).toMatchObject({ ...expected, ...place });
  });
});
