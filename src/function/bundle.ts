/** User code → one self-contained script. */
import path from 'node:path';
import type { ErrorCode } from '../errors.ts';
import { type BundleResult, type CompileProblem, bundle } from '../esbuild.ts';
import { archiveImportsPlugin } from './archive-imports.ts';
import { builtinsPlugin } from './builtins.ts';
import { confinePlugin } from './confine.ts';
import type { Located } from './locate.ts';
import { missingPlugin } from './missing.ts';
import { placeIn } from './place.ts';
import { FunctionCodeError, type FunctionProblem } from './types.ts';

export interface Script {
  readonly code: string;
  /** JSON; its `sources` are relative to the function's directory and name no path of this host. */
  readonly sourceMap: string;
}

/** One line, so that the bundler's lines stay where the source map has them. */
const BEFORE = 'const __millrace = { builtin: require, url: "file://" + __filename }; module.exports = (async () => {';
const AFTER = 'return __millrace.exports;\n})();';
const DEFINE = {
  'import.meta.url': '__millrace.url',
  'import.meta.dirname': '__dirname',
  'import.meta.filename': '__filename',
};

/** Async functions as promises and generators, whose steps the isolate's AsyncLocalStorage can follow (runtime/node/async-hooks.ts). */
const FOLLOWABLE = { 'async-await': false, 'async-generator': false, 'for-await': false, 'top-level-await': true };

/**
 * The text is the body of `function (exports, require, module, __filename, __dirname)` and sets `module.exports` to a promise of
 * the namespace of the user's module. Top-level await therefore is plain `await`. (esbuild's IIFE and CommonJS outputs refuse it;
 * its ESM output keeps it, and has no import or export left here, because the entry is ours and exports nothing, so that it can
 * stand inside an async function.) Code without top-level await has run to its end when the body returns.
 *
 * @throws FunctionCodeError
 */
export async function bundleFunction(name: string, located: Located): Promise<Script> {
  let how: BuildSettings = {};
  let result = await build(located, how);
  // A source map that is none keeps nobody from running the code.
  if (!result.ok && result.problems.every(({ text }) => / in source map$/.test(text))) {
    how = { sourceMaps: false };
    result = await build(located, how);
  }
  if (result.ok && result.bundle.inputs.some(({ path: input }) => input === 'node:async_hooks')) {
    result = await build(located, { ...how, supported: FOLLOWABLE });
  }
  if (!result.ok)
    throw new FunctionCodeError(
      name,
      result.problems.map((found) => toProblem(found, located)),
    );
  const { code, sourceMap, inputs } = result.bundle;
  // Modules are strict and CommonJS is not; a bundle with both must be what its CommonJS part can bear.
  const strict = inputs.every((input) => input.esm || !path.isAbsolute(input.path) || input.path.endsWith('.json'));
  return {
    code: strict ? code.replace(BEFORE, () => `${BEFORE} 'use strict';`) : code,
    sourceMap: anonymise(sourceMap, located.root),
  };
}

interface BuildSettings {
  readonly supported?: Record<string, boolean>;
  /** False: maps of compiled files are not read. */
  readonly sourceMaps?: boolean;
}

function build(located: Located, { supported = {}, sourceMaps = true }: BuildSettings): Promise<BundleResult> {
  const inArchive = located.archive !== undefined;
  const target = `./${path.relative(located.root, located.entry)}`;
  return bundle({
    entry: `import * as exported from ${JSON.stringify(target)};\n${exportsFor(located.exportPath)}`,
    root: located.root,
    format: 'esm',
    plugins: [
      builtinsPlugin,
      missingPlugin,
      ...(inArchive ? [archiveImportsPlugin(located.root)] : []),
      confinePlugin(located, sourceMaps),
    ],
    options: {
      banner: { js: BEFORE },
      footer: { js: AFTER },
      define: DEFINE,
      // What is not in the bundle is asked of `require`, which has Node's modules and the error that code expects otherwise.
      supported: { 'dynamic-import': false, ...supported },
      // Else the nearest tsconfig.json holds: that of a project around the cache, or one that extends a file outside of the archive.
      ...(inArchive ? { tsconfigRaw: {} } : {}),
    },
  });
}

/** As in Lambda, `export default { handler }` counts as `handler`, where nothing of that name is exported by itself. */
function exportsFor(exportPath: string): string {
  const name = JSON.stringify(exportPath.split('.')[0]);
  return `const whole = exported.default;
const inWhole = whole !== null && (typeof whole === 'object' || typeof whole === 'function') && ${name} in whole;
__millrace.exports = inWhole && !(${name} in exported) ? whole : exported;
`;
}

function anonymise(sourceMap: string, root: string): string {
  const map = JSON.parse(sourceMap) as { sources: string[]; mappings: string };
  const sources = map.sources.map((source) => {
    const modules = source.lastIndexOf('node_modules/');
    if (modules > 0) return source.slice(modules);
    const absolute = path.resolve(root, source);
    return absolute.startsWith(root + path.sep) ? path.relative(root, absolute) : path.basename(absolute);
  });
  // In this order: the reader (sandbox/line-map.ts) reads the list of files, and of the rest what it needs. Names are of no use to it.
  return JSON.stringify({ version: 3, sources, mappings: map.mappings });
}

function toProblem(found: CompileProblem, located: Located): FunctionProblem {
  const unresolved = /^Could not resolve "(?<what>[^"]+)"/.exec(found.text);
  const unexported = found.text.startsWith('No matching export in ');
  const native = /\.node" files/.test(found.text);
  const code: ErrorCode =
    unresolved || unexported ? 'function-import' : native ? 'function-code-kind' : 'function-syntax';
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
    ...placeIn(located, found.file || located.entry, found.line, found.column),
  };
}

function importHint(what: string, located: Located): string {
  if (what.startsWith('.') || what.startsWith('/')) return 'the path is relative to the importing file';
  if (located.archive !== undefined) return `put it into the archive, below node_modules/`;
  return `install it where the function can see it: \`npm install ${what}\` in ${located.root}`;
}
