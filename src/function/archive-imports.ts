/**
 * Packages are looked for upwards from the importing file, and what was unpacked lies below directories that are not the function's: a
 * package found there is as good as none. Where the import may fail at run time (`require` and `import()`, which code puts into a
 * `try`), it is left to fail there, as it would in Lambda.
 */
import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { BundlePlugin } from '../esbuild.ts';
import { ASKED } from './missing.ts';

export function archiveImportsPlugin(archiveRoot: string): BundlePlugin {
  const root = realpathSync(archiveRoot) + path.sep;
  return {
    name: 'millrace-archive-imports',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, async (args) => {
        if (args.pluginData === ASKED) return undefined;
        const { importer, namespace, resolveDir, kind } = args;
        const asked = { importer, namespace, resolveDir, kind, with: args.with, pluginData: ASKED };
        const found = await build.resolve(args.path, asked);
        const outside = found.errors.length === 0 && found.namespace === 'file' && !found.path.startsWith(root);
        if (!outside) return undefined;
        if (kind === 'require-call' || kind === 'dynamic-import') return { path: args.path, external: true };
        return { errors: [{ text: `Could not resolve "${args.path}"` }] };
      });
    },
  };
}
