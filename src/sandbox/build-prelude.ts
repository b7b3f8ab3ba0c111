/** Builds the prelude: the TypeScript of runtime/ → one classic script. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BundlePlugin } from '../esbuild.ts';
import { ownScript } from './build.ts';

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

export async function buildPrelude(cacheDir: string): Promise<{ readonly path: string }> {
  const path = await ownScript(cacheDir, {
    ...{ name: 'prelude.js', entry: "import './runtime/prelude.ts'", plugins: [SHIMS] },
    options: {
      // Smaller text is read faster. Names stay: users see those of classes and functions in errors and in what they print.
      alias: { ...ALIAS },
      minifyWhitespace: true,
      minifySyntax: true,
      banner: { js: '"use strict";' },
    },
  });
  return { path };
}
