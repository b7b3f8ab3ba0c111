/** Our own scripts, bundled from this directory: the child's program and the isolate's bootstrap. Built once per process, kept in the cache. */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../errors.ts';
import { bundle } from '../esbuild.ts';

/** Path of the file in `cacheDir` that holds exactly `text`: named by its content, so that it is never written twice. */
export function keep(cacheDir: string, name: string, text: string | Buffer): string {
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

async function script(entry: string): Promise<string> {
  const result = await bundle({
    entry: entry.replaceAll('.ts', extname(import.meta.url)),
    root: fileURLToPath(new URL('.', import.meta.url)),
    format: 'iife',
    plugins: [],
    options: { minify: true },
  });
  if (result.ok) return result.bundle.code;
  throw new MillraceError(
    'internal',
    `a script of the sandbox cannot be built: ${result.problems[0]?.text ?? 'no reason given'}`,
  );
}

/** The child's program, as a CommonJS file (those start faster than modules). */
export async function buildChild(cacheDir: string): Promise<string> {
  return keep(cacheDir, 'child.cjs', await script("import './child/main.ts'"));
}

/**
 * A classic script whose value is the function `boot` of isolate/boot.ts. Strict: a function that is not shows itself to what it calls, by
 * `caller` and in call sites.
 */
export async function buildBootstrap(): Promise<string> {
  const text = await script("import { boot } from './isolate/boot.ts'; __expose(boot);");
  return `(() => { 'use strict'; let __boot; const __expose = (it) => { __boot = it; };\n${text}\nreturn __boot; })()`;
}
