/** Every form in which a Lambda function is brought, in the real sandbox. */
import { describe, expect, test } from 'vitest';
import { loadFunction } from '../../src/function/load.ts';
import type { FunctionSource } from '../../src/function/types.ts';
import { source, useFunctions } from '../support/functions.ts';
import { resultOf, useRuntime } from '../support/runtime.ts';

const functions = useFunctions();
const box = useRuntime();

async function run(fn: FunctionSource, event: unknown = { n: 1 }): Promise<unknown> {
  return resultOf(await box.invoke(await loadFunction(fn, functions.cacheDir), event));
}

type Files = Record<string, string>;
const directory = (files: Files, handler = 'index.handler'): FunctionSource =>
  source(functions.write(files), { handler });

/** What TypeScript makes of `export const handler = …` (and `export default`) for CommonJS. */
const compiled = (body: string): string => `"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.handler = void 0;
${body}
//# sourceMappingURL=not-there.js.map`;

describe('where the handler is', () => {
  test.each<[string, Files, string]>([
    ['a named export', { 'index.mjs': 'export const handler = async (e) => e.n + 1' }, 'index.handler'],
    ['exports.handler', { 'index.js': 'exports.handler = async (e) => e.n + 1' }, 'index.handler'],
    [
      'module.exports = { handler }',
      { 'index.cjs': 'const handler = async (e) => e.n + 1; module.exports = { handler }' },
      'index.handler',
    ],
    [
      'module.exports = class instance',
      { 'index.cjs': 'class Api { async handler(e) { return e.n + 1 } } module.exports = new Api()' },
      'index.handler',
    ],
    [
      'module.exports = function with members',
      { 'index.cjs': 'module.exports = () => 0; module.exports.handler = async (e) => e.n + 1' },
      'index.handler',
    ],
    [
      'export default { handler }',
      { 'index.mjs': 'export default { handler: async (e) => e.n + 1 }' },
      'index.handler',
    ],
    [
      'export default { api: { handler } }',
      { 'index.ts': 'export default { api: { handler: async (e: any) => e.n + 1 } }' },
      'index.api.handler',
    ],
    [
      'export default function',
      { 'index.mjs': 'export default async function (e) { return e.n + 1 }' },
      'index.default',
    ],
    [
      'export { default } from',
      { 'index.mjs': 'export { default } from "./lib.mjs"', 'lib.mjs': 'export default async (e) => e.n + 1' },
      'index.default',
    ],
    [
      'module.exports = function as the default',
      { 'index.cjs': 'module.exports = async (e) => e.n + 1' },
      'index.default',
    ],
    [
      'compiled by TypeScript',
      { 'index.js': compiled('const handler = async (e) => e.n + 1;\nexports.handler = handler;') },
      'index.handler',
    ],
    ['a compiled default', { 'index.js': compiled('exports.default = async (e) => e.n + 1;') }, 'index.default'],
    [
      'a compiled default object',
      { 'index.js': compiled('exports.default = { api: async (e) => e.n + 1 };') },
      'index.api',
    ],
    [
      'a compiled default in a package of ES modules',
      { 'package.json': '{"type":"module"}', 'index.cjs': compiled('exports.default = async (e) => e.n + 1;') },
      'index.default',
    ],
    [
      'a compiled re-export of a default',
      {
        'package.json': '{"type":"module"}',
        'index.mjs': 'import d from "./lib.cjs"; export const handler = d.default ?? d',
        'lib.cjs': compiled('exports.default = async (e) => e.n + 1;'),
      },
      'index.handler',
    ],
    [
      'getters, as bundlers write them',
      {
        'index.js':
          'Object.defineProperty(module.exports, "handler", { get: () => async (e) => e.n + 1, enumerable: true })',
      },
      'index.handler',
    ],
    [
      'export *',
      {
        'index.ts': 'export * from "./src/all.ts"',
        'src/all.ts': 'export * from "./one.ts"',
        'src/one.ts': 'export const handler = async (e: any): Promise<number> => e.n + 1',
      },
      'index.handler',
    ],
    [
      'export * as',
      { 'index.mjs': 'export * as api from "./lib.mjs"', 'lib.mjs': 'export const handler = async (e) => e.n + 1' },
      'index.api.handler',
    ],
    [
      'export * of CommonJS',
      { 'index.mjs': 'export * from "./lib.cjs"', 'lib.cjs': 'exports.handler = async (e) => e.n + 1' },
      'index.handler',
    ],
    ['a folder with an index', { 'api/index.js': 'exports.handler = async (e) => e.n + 1' }, 'api.handler'],
    ['nested folders', { 'src/handlers/api.js': 'exports.handler = async (e) => e.n + 1' }, 'src/handlers/api.handler'],
    [
      'a nested export',
      { 'lib/index.js': 'exports.nested = { handler: async (e) => e.n + 1 }' },
      'lib/index.nested.handler',
    ],
    [
      '.js before .ts',
      { 'index.js': 'exports.handler = async (e) => e.n + 1', 'index.ts': 'export const handler = async () => "ts"' },
      'index.handler',
    ],
    [
      'top-level await',
      { 'index.mjs': 'const one = await Promise.resolve(1); export const handler = async (e) => e.n + one' },
      'index.handler',
    ],
    [
      'top-level await in an import',
      {
        'index.mjs': 'import { one } from "./lib.mjs"; export const handler = async (e) => e.n + one',
        'lib.mjs': 'export const one = await new Promise((done) => setTimeout(done, 5, 1))',
      },
      'index.handler',
    ],
    ['a callback', { 'index.js': 'exports.handler = (e, c, done) => done(null, e.n + 1)' }, 'index.handler'],
  ])('%s', async (_name, files, handler) => {
    expect(await run(directory(files, handler))).toBe(2);
  });

  test('a named export comes before the default’s', async () => {
    const code = 'export const handler = async () => "named"; export default { handler: async () => "default" }';
    expect(await run(directory({ 'index.mjs': code }))).toBe('named');
  });

  test.each<[string, string]>([
    ['a.js', 'module.exports = { handler: async (e) => e.n + 1 }'],
    ['a.mjs', 'export default { handler: async (e) => e.n + 1 }'],
    ['a.cts', 'const one: number = 1; export = { handler: async (e: any) => e.n + one }'],
    ['a.mts', 'enum N { One = 1 } export const handler = async (e: { n: number }) => e.n + N.One'],
    ['a.ts', 'namespace A { export const one = 1 } export const handler = async (e: { n: number }) => e.n + A.one'],
    [
      'a.ts',
      'class A { constructor(private readonly n: number) {} get() { return this.n } } export const handler = async (e: any) => e.n + new A(1).get()',
    ],
  ])('a file: %s: %s', async (name, code) => {
    expect(await run(functions.file(code, {}, name))).toBe(2);
  });
});

describe('what the code takes in', () => {
  test.each<[string, Files]>([
    [
      'JSON by import',
      {
        'index.mjs': 'import d, { one } from "./d.json"; export const handler = async (e) => e.n + d.one - one + 1',
        'd.json': '{"one":1}',
      },
    ],
    [
      'JSON by import with a type',
      {
        'index.mjs': 'import d from "./d.json" with { type: "json" }; export const handler = async (e) => e.n + d.one',
        'd.json': '{"one":1}',
      },
    ],
    [
      'JSON by require',
      { 'index.js': 'exports.handler = async (e) => e.n + require("./d").one', 'd.json': '{"one":1}' },
    ],
    [
      'JSON by import()',
      {
        'index.mjs':
          'export const handler = async (e) => e.n + (await import("./d.json", { with: { type: "json" } })).default.one',
        'd.json': '{"one":1}',
      },
    ],
    [
      'import() of a literal',
      {
        'index.js': 'exports.handler = async (e) => e.n + (await import("./lib.mjs")).one',
        'lib.mjs': 'export const one = 1',
      },
    ],
    [
      'require of an ES module',
      {
        'index.js': 'exports.handler = async (e) => e.n + require("./lib.mjs").one',
        'lib.mjs': 'export const one = 1',
      },
    ],
    [
      'CommonJS by import',
      {
        'index.mjs':
          'import lib, { one } from "./lib.cjs"; export const handler = async (e) => e.n + lib.one - one + 1',
        'lib.cjs': 'exports.one = 1',
      },
    ],
    [
      'CommonJS and ES modules around',
      {
        'index.mjs': 'import { a } from "./a.cjs"; export const b = 1; export const handler = async (e) => e.n + a()',
        'a.cjs': 'exports.a = () => require("./index.mjs").b',
      },
    ],
    [
      'createRequire',
      {
        'index.mjs':
          'import { createRequire } from "node:module"; const require = createRequire(import.meta.url); const { sep } = require("node:path"); export const handler = async (e) => e.n + sep.length',
      },
    ],
    [
      'the exports map of a package',
      {
        'index.mjs':
          'import { one } from "p"; import { two } from "p/deep"; export const handler = async (e) => e.n + one + two - 2',
        'node_modules/p/package.json':
          '{"exports":{".":{"import":"./esm.mjs","require":"./cjs.cjs"},"./deep":{"browser":"./no.js","node":"./deep.cjs"}}}',
        'node_modules/p/esm.mjs': 'export const one = 1',
        'node_modules/p/cjs.cjs': 'exports.one = 100',
        'node_modules/p/deep.cjs': 'exports.two = 2',
      },
    ],
    [
      'the imports map of the package',
      {
        'package.json': '{"type":"module","imports":{"#one":"./lib/one.js","#lib/*":"./lib/*.js"}}',
        'index.js':
          'import { one } from "#one"; import { one as again } from "#lib/one"; export const handler = async (e) => e.n + one + again - 1',
        'lib/one.js': 'export const one = 1',
      },
    ],
    [
      'itself by its name',
      {
        'package.json': '{"name":"me","type":"module","exports":{"./one":"./one.js"}}',
        'index.js': 'import { one } from "me/one"; export const handler = async (e) => e.n + one',
        'one.js': 'export const one = 1',
      },
    ],
    [
      'the paths of tsconfig.json',
      {
        'tsconfig.json': '{"compilerOptions":{"paths":{"@lib/*":["./lib/*"]}}} // with a comment',
        'index.ts': 'import { one } from "@lib/one"; export const handler = async (e: any) => e.n + one',
        'lib/one.ts': 'export const one: number = 1',
      },
    ],
    [
      'decorators as tsconfig.json wants them',
      {
        'tsconfig.json': '{"compilerOptions":{"experimentalDecorators":true}}',
        'index.ts':
          'const one = (t: any, k: string) => { t.extra = 1 }; class A { @one m() {} } export const handler = async (e: any) => e.n + (A.prototype as any).extra',
      },
    ],
    [
      '.js in an import of a .ts',
      {
        'index.ts': 'import { one } from "./lib/one.js"; export const handler = async (e: any) => e.n + one',
        'lib/one.ts': 'export const one = 1',
      },
    ],
    [
      'types only',
      {
        'index.ts':
          'import type { X } from "not-there"; import { type Y } from "./y.ts"; export const handler = async (e: any): Promise<X | Y> => e.n + 1',
        'y.ts': 'export type Y = number',
      },
    ],
    [
      'packages with main, browser and module',
      {
        'index.js': 'exports.handler = async (e) => e.n + require("p")',
        'node_modules/p/package.json': '{"main":"main.js","browser":"browser.js","module":"module.js"}',
        'node_modules/p/main.js': 'module.exports = 1',
        'node_modules/p/browser.js': 'module.exports = 2',
        'node_modules/p/module.js': 'export default 3',
      },
    ],
  ])('%s', async (_name, files) => {
    expect(await run(directory(files))).toBe(2);
  });
});

describe('what is not there may be missing', () => {
  test.each<[string, string]>([
    [
      'require in try',
      'let n; try { n = require("not-there").n } catch (error) { n = error.code === "MODULE_NOT_FOUND" ? 1 : error.message } exports.handler = async (e) => e.n + n',
    ],
    [
      'require in a called function',
      'const n = (() => { try { return require("not-there") } catch { return 1 } })(); exports.handler = async (e) => e.n + n',
    ],
    [
      'require.resolve in try',
      'let n = 0; try { require.resolve("not-there") } catch { n = 1 } exports.handler = async (e) => e.n + n',
    ],
    [
      'a relative file in try',
      'let n; try { n = require("./build/Release/addon") } catch { n = 1 } exports.handler = async (e) => e.n + n',
    ],
    [
      'import() in try',
      'exports.handler = async (e) => { try { await import("not-there") } catch { return e.n + 1 } }',
    ],
    ['import() with catch', 'exports.handler = async (e) => e.n + (await import("not-there").catch(() => 1))'],
    [
      'a computed require in try',
      'const name = "not-" + "there"; let n; try { n = require(name) } catch (error) { n = error.code === "MODULE_NOT_FOUND" ? 1 : error.message } exports.handler = async (e) => e.n + n',
    ],
    [
      'a computed require of a builtin',
      'const name = "node:" + "path"; exports.handler = async (e) => e.n + require(name).sep.length',
    ],
    [
      'a computed import() with catch',
      'const name = "not-" + "there"; exports.handler = async (e) => e.n + (await import(name).catch(() => 1))',
    ],
    [
      'a computed import() of a builtin',
      'const name = "node:" + "path"; exports.handler = async (e) => e.n + (await import(name)).sep.length',
    ],
    [
      'typeof require',
      'exports.handler = async (e) => e.n + (typeof require === "function" && typeof module === "object" ? 1 : 0)',
    ],
    ['require.main', 'exports.handler = async (e) => e.n + (require.main === module ? 0 : 1)'],
  ])('%s', async (_name, code) => {
    expect(await run(directory({ 'index.js': code }))).toBe(2);
  });
});
