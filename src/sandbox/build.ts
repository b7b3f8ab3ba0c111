/**
 * Our own scripts, bundled from this directory: the child's program, the isolate's bootstrap and its prelude. Kept in the cache, and built again when
 * one of the files that they were made of has changed.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, extname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../errors.ts';
import { type BundleRequest, BUNDLER, bundle } from '../esbuild.ts';

/** Path of the file in `cacheDir` that holds exactly `text`: named by its content, so that it is never written twice. */
function keep(cacheDir: string, name: string, text: string | Buffer): string {
  const ext = extname(name);
  const path = join(
    cacheDir,
    `${name.slice(0, -ext.length)}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}${ext}`,
  );
  if (!existsSync(path)) writeWhole(path, text);
  return path;
}

/** Appears with all of its content or not at all. */
export function writeWhole(path: string, content: string | Buffer): void {
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, path);
}

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Of `.ts` in a checkout, of `.js` in the package. */
const EXTENSION = extname(import.meta.url);

/** A script of ours; `finish` completes its text. */
interface OwnScript extends Pick<BundleRequest, 'entry' | 'plugins' | 'options'> {
  /** Of the kept file. */
  readonly name: string;
  readonly finish?: (code: string) => string;
}

/** What a kept script was made by and of: the bundler, and each file with its size and the time of its last change. */
interface Made {
  readonly file: string;
  readonly by: string;
  readonly of: readonly (readonly [path: string, bytes: number, mtimeMs: number])[];
}

/** Path of the script. A daemon that starts again does not bundle it again: that is a tenth of a second on a core of its own. */
export async function ownScript(
  cacheDir: string,
  { name, finish = (code) => code, ...rest }: OwnScript,
): Promise<string> {
  const by = [BUNDLER, rest.entry, JSON.stringify(rest.options), finish('')].join('\n');
  // Several installations may share a cache.
  const place = createHash('sha256').update(HERE).digest('hex').slice(0, 8);
  const notes = join(cacheDir, `${basename(name, extname(name))}-${place}.json`);
  const made = readMade(notes);
  if (made?.by === by && existsSync(join(cacheDir, made.file)) && made.of.every(isUnchanged))
    return join(cacheDir, made.file);
  const entry = rest.entry.replaceAll('.ts', EXTENSION);
  const result = await bundle({ ...rest, entry, root: HERE, format: 'iife' });
  if (!result.ok) {
    const [first] = result.problems;
    const where = `${first?.file}:${first?.line}: ${first?.text}`;
    throw new MillraceError('internal', `a script of the sandbox cannot be built: ${where}`);
  }
  const { code, inputs } = result.bundle;
  const path = keep(cacheDir, name, finish(code));
  const of = inputs.filter((input) => isAbsolute(input.path)).flatMap((input) => stampOf(input.path));
  writeWhole(notes, JSON.stringify({ file: basename(path), by, of } satisfies Made));
  return path;
}

function readMade(notes: string): Made | null {
  try {
    return JSON.parse(readFileSync(notes, 'utf8')) as Made;
  } catch {
    // Not made yet, or by hand: it is made now.
    return null;
  }
}

function stampOf(path: string): Made['of'] {
  // What the bundler was given as text is no file.
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? [] : [[path, found.size, found.mtimeMs]];
}

function isUnchanged([path, bytes, mtimeMs]: Made['of'][number]): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.size === bytes && found.mtimeMs === mtimeMs;
}

const MINIFIED = { minify: true };

/** The child's program, as a CommonJS file (those start faster than modules). */
export function buildChild(cacheDir: string): Promise<string> {
  return ownScript(cacheDir, { name: 'child.cjs', entry: "import './child/main.ts'", plugins: [], options: MINIFIED });
}

/**
 * A classic script whose value is the function `boot` of isolate/boot.ts. Strict: a function that is not shows itself to what it calls, by
 * `caller` and in call sites.
 */
export function buildBootstrap(cacheDir: string): Promise<string> {
  return ownScript(cacheDir, {
    ...{ name: 'bootstrap.js', entry: "import { boot } from './isolate/boot.ts'; __expose(boot);" },
    ...{ plugins: [], options: MINIFIED },
    finish: (text) =>
      `(() => { 'use strict'; let __boot; const __expose = (it) => { __boot = it; };\n${text}\nreturn __boot; })()`,
  });
}
