/**
 * The only place that knows esbuild: source files → one script, in memory. Used for the functions of users (function/) and for
 * our own runtime inside the isolate (sandbox/runtime/), which are different things bundled with the same care.
 */
import path from 'node:path';
import { type BuildFailure, type BuildOptions, type Message, type Plugin, build, stop, version } from 'esbuild';
import { BUNDLER_IDLE_MS } from './limits.ts';

export type { Plugin as BundlePlugin } from 'esbuild';
/** Which one made what is kept. */
export const BUNDLER = `esbuild ${version}`;

export interface BundleRequest {
  /** Source text of the entry; it imports what is to be bundled. */
  readonly entry: string;
  /** Directory that the entry's imports and all paths in the output are relative to. */
  readonly root: string;
  readonly format: 'esm' | 'iife';
  readonly plugins: readonly Plugin[];
  readonly options?: Pick<
    BuildOptions,
    | 'alias'
    | 'banner'
    | 'footer'
    | 'define'
    | 'supported'
    | 'minify'
    | 'minifyWhitespace'
    | 'minifySyntax'
    | 'tsconfigRaw'
  >;
}

export interface Bundled {
  readonly code: string;
  readonly sourceMap: string;
  /** Every input that took part, absolute where it is a file, and whether it is an ES module. */
  readonly inputs: readonly { readonly path: string; readonly esm: boolean; readonly bytes: number }[];
}

/** A message of the compiler with its place; line and column count from 1, file is absolute or empty. */
export interface CompileProblem {
  readonly text: string;
  readonly notes: readonly string[];
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type BundleResult =
  | { readonly ok: true; readonly bundle: Bundled }
  | { readonly ok: false; readonly problems: readonly CompileProblem[] };

let building = 0;
let idle: NodeJS.Timeout | undefined;

/** Builds that run together in one process; those that are repeated alone wait for each other here, and new ones for them. */
const together = new Set<Promise<unknown>>();
let alone: Promise<unknown> = Promise.resolve();

/** Never rejects for anything that is wrong with the sources. */
export async function bundle(request: BundleRequest): Promise<BundleResult> {
  building++;
  clearTimeout(idle);
  try {
    return (await runTogether(request)) ?? (await runAlone(request));
  } finally {
    // esbuild keeps a process of its own, 30 MB, for the next build: a daemon builds when it starts and hardly ever again.
    if (--building === 0) idle = setTimeout(() => void stop(), BUNDLER_IDLE_MS).unref();
  }
}

/** Undefined: the bundler's process died, of this build or of another one. */
async function runTogether(request: BundleRequest): Promise<BundleResult | undefined> {
  for (let before: unknown; before !== alone;) await (before = alone);
  const built = run(request);
  together.add(built);
  try {
    return await built;
  } finally {
    together.delete(built);
  }
}

/** Code that is nested 100,000 levels deep ends the process that compiles it: alone it takes nobody with it, and is known by it. */
async function runAlone(request: BundleRequest): Promise<BundleResult> {
  const turn = Promise.allSettled([alone, ...together]).then(async () => {
    // The library goes on calling the process that is gone until it is told.
    await stop();
    const result = await run(request);
    if (result === undefined) await stop();
    return result;
  });
  alone = turn.catch(() => undefined);
  return (await turn) ?? { ok: false, problems: [BUNDLER_DIED] };
}

const BUNDLER_DIED: CompileProblem = {
  text: 'the code cannot be compiled: it ends the bundler, which happens when it is nested very deeply',
  ...{ notes: [], file: '', line: 1, column: 1 },
};

/** Undefined: the bundler's process died. */
async function run(request: BundleRequest): Promise<BundleResult | undefined> {
  try {
    const result = await build({
      stdin: { contents: request.entry, resolveDir: request.root, sourcefile: 'millrace-entry.js', loader: 'js' },
      absWorkingDir: request.root,
      outfile: path.join(request.root, 'bundle.js'),
      bundle: true,
      write: false,
      metafile: true,
      format: request.format,
      platform: 'node',
      // What V8 of Node 24 runs; nothing newer is left untranslated.
      target: 'node24',
      sourcemap: 'external',
      sourcesContent: false,
      charset: 'ascii',
      legalComments: 'none',
      logLevel: 'silent',
      plugins: [...request.plugins],
      ...request.options,
    });
    const text = (end: string) => result.outputFiles.find((file) => file.path.endsWith(end))?.text ?? '';
    const inputs = Object.entries(result.metafile.inputs).map(([name, input]) => ({
      path: /^[\w-]+:/.test(name) ? name : path.resolve(request.root, name),
      esm: input.format === 'esm',
      bytes: input.bytes,
    }));
    return { ok: true, bundle: { code: text('bundle.js'), sourceMap: text('bundle.js.map'), inputs } };
  } catch (error) {
    if (error instanceof Error && /^The service (was stopped|is no longer running)/.test(error.message))
      return undefined;
    if (!isBuildFailure(error)) throw error;
    return { ok: false, problems: error.errors.map((message) => toProblem(message, request.root)) };
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors);
}

function toProblem(message: Message, root: string): CompileProblem {
  const at = message.location;
  const inFile = at !== null && (at.namespace === '' || at.namespace === 'file') && at.file !== 'millrace-entry.js';
  return {
    text: message.text,
    notes: message.notes.map((note) => note.text),
    file: inFile ? path.resolve(root, at.file) : '',
    line: inFile ? at.line : 1,
    column: inFile ? at.column + 1 : 1,
  };
}
