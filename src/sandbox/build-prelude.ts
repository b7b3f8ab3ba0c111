/** Builds the prelude: the TypeScript of runtime/ → one classic script, kept by its content. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../errors.ts';
import { bundle } from '../esbuild.ts';
import { keep } from './build.ts';

/** About 60 ms; once per process. */
export async function buildPrelude(cacheDir: string): Promise<{ readonly path: string }> {
  const result = await bundle({
    entry: "import './runtime/prelude.ts'".replaceAll('.ts', extname(import.meta.url)),
    root: fileURLToPath(new URL('.', import.meta.url)),
    format: 'iife',
    plugins: [],
    options: {
      // Smaller text is read faster. Names stay: users see those of classes and functions in errors and in what they print.
      // unenv's modules name each other as Node's.
      alias: { 'node:querystring': 'unenv/node/querystring', 'node:path': 'unenv/node/path' },
      minifyWhitespace: true,
      minifySyntax: true,
      banner: { js: '"use strict";' },
    },
  });
  if (!result.ok) {
    const [first] = result.problems;
    throw new MillraceError(
      'internal',
      `the runtime of the sandbox cannot be built: ${first!.file}:${first!.line}: ${first!.text}`,
    );
  }
  return { path: keep(cacheDir, 'prelude.js', result.bundle.code) };
}
