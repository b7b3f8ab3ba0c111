/** Builds the prelude: the TypeScript of runtime/ → one classic script, kept by its content. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../errors.ts';
import { type BundlePlugin, bundle } from '../esbuild.ts';
import { keep } from './build.ts';

const EXTENSION = extname(import.meta.url);

/** Packages ask each other for what is Node's, and find ours. */
const ALIAS: Readonly<Record<string, string>> = {
  'node:querystring': 'unenv/node/querystring',
  'node:path': 'unenv/node/path',
  events: `./runtime/node/events${EXTENSION}`,
  buffer: `./runtime/buffer${EXTENSION}`,
  string_decoder: `./runtime/node/string-decoder${EXTENSION}`,
  'abort-controller': `./runtime/abort${EXTENSION}`,
};
/** readable-stream asks for these with a slash at the end, which an alias cannot have. */
const SHIMS: BundlePlugin = {
  name: 'millrace-shims',
  setup(build) {
    const decoder = fileURLToPath(new URL(`./runtime/node/string-decoder${EXTENSION}`, import.meta.url));
    build.onResolve({ filter: /^string_decoder\/$/ }, () => ({ path: decoder }));
    build.onResolve({ filter: /^process\/$/ }, () => ({ path: 'process', namespace: 'millrace' }));
    // Asked for at the time, because async_hooks replaces it.
    const contents = 'module.exports = { nextTick: (...args) => globalThis.process.nextTick(...args) };';
    build.onLoad({ filter: /^process$/, namespace: 'millrace' }, () => ({ contents }));
  },
};

/** About 60 ms; once per process. */
export async function buildPrelude(cacheDir: string): Promise<{ readonly path: string }> {
  const result = await bundle({
    entry: "import './runtime/prelude.ts'".replaceAll('.ts', EXTENSION),
    root: fileURLToPath(new URL('.', import.meta.url)),
    format: 'iife',
    plugins: [SHIMS],
    options: {
      // Smaller text is read faster. Names stay: users see those of classes and functions in errors and in what they print.
      alias: { ...ALIAS },
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
