/** User code → one self-contained script. */
import path from 'node:path';
import { type CompileProblem, bundle } from '../esbuild.ts';
import type { ErrorCode } from '../errors.ts';
import { builtinsPlugin } from './builtins.ts';
import type { Located } from './locate.ts';
import { FunctionCodeError, type FunctionProblem } from './types.ts';

export interface Script {
  readonly code: string;
  /** JSON; its `sources` are relative to /var/task and name no path of this host. */
  readonly sourceMap: string;
}

/** Where user code believes to live, as in Lambda. */
const TASK_ROOT = '/var/task';

/**
 * The script's completion value is an async function `(__millrace, require, __filename, __dirname) → Promise<void>`. Top-level
 * await therefore is plain `await`, and code without it has run to its end when the call returns. It asks
 * `__millrace.builtin(name)` for modules of Node and leaves the namespace of the user's module in `__millrace.exports`.
 * (esbuild's own IIFE and CommonJS outputs refuse top-level await; its ESM output has no import or export left here, because
 * the entry is ours and exports nothing, so that it can stand inside a function.)
 *
 * @throws FunctionCodeError
 */
export async function bundleFunction(name: string, located: Located): Promise<Script> {
  const result = await bundle({
    entry: `import * as exported from ${JSON.stringify(`./${path.relative(located.root, located.entry)}`)};\n__millrace.exports = exported;\n`,
    root: located.root,
    format: 'esm',
    plugins: [builtinsPlugin],
    options: {
      banner: { js: `(async function (__millrace, require, __filename, __dirname) {` },
      footer: { js: '})' },
      define: { 'import.meta.url': '__millrace.url', 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
    },
  });
  if (!result.ok) throw new FunctionCodeError(name, result.problems.map((found) => toProblem(found, located)));
  const { code, sourceMap, inputs } = result.bundle;
  // Modules are strict and CommonJS is not; a bundle with both must be what its CommonJS part can bear.
  const strict = inputs.every((input) => input.esm || !path.isAbsolute(input.path) || input.path.endsWith('.json') || isEntry(input.path, located));
  return { code: strict ? code.replace('{', "{'use strict';") : code, sourceMap: anonymise(sourceMap, located.root) };
}

function isEntry(input: string, located: Located): boolean {
  return input === path.join(located.root, 'millrace-entry.js');
}

function anonymise(sourceMap: string, root: string): string {
  const map = JSON.parse(sourceMap) as { sources: string[]; sourceRoot?: string };
  map.sourceRoot = TASK_ROOT;
  map.sources = map.sources.map((source) => {
    const modules = source.lastIndexOf('node_modules/');
    if (modules > 0) return source.slice(modules);
    const absolute = path.resolve(root, source);
    return absolute.startsWith(root + path.sep) ? path.relative(root, absolute) : path.basename(absolute);
  });
  return JSON.stringify(map);
}

function toProblem(found: CompileProblem, located: Located): FunctionProblem {
  const unresolved = /^Could not resolve "(?<what>[^"]+)"/.exec(found.text);
  const native = /\.node" files/.test(found.text);
  const code: ErrorCode = unresolved ? 'function-import' : native ? 'function-code-kind' : 'function-syntax';
  const hint = unresolved
    ? importHint(unresolved.groups!['what']!, located)
    : native
      ? 'native addons cannot run in the sandbox: use a package without one'
      : found.notes[0];
  return {
    severity: 'error',
    code,
    message: native ? 'this package loads a native addon (.node file)' : found.text,
    ...(hint === undefined ? {} : { hint }),
    file: found.file || located.entry,
    line: found.line,
    column: found.column,
  };
}

function importHint(what: string, located: Located): string {
  if (what.startsWith('.') || what.startsWith('/')) return 'the path is relative to the importing file';
  return `install it where the function can see it: \`npm install ${what}\` in ${located.root}`;
}

