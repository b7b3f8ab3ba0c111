/**
 * Packages require what need not be installed (drivers that are chosen by configuration, say). In Node that is an error when the line is
 * reached, and only then; so it is here. What the function's own files ask for, and imports that Node resolves before anything runs,
 * have to be there when the function is bundled.
 */
import type { BundlePlugin } from '../esbuild.ts';

const LATE = new Set(['require-call', 'dynamic-import']);
/** Marks a plugin's own question to the bundler, which would come back to it otherwise. */
export const ASKED = Symbol('asked');

export const missingPlugin: BundlePlugin = {
  name: 'millrace-missing',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async (args) => {
      const { importer, namespace, resolveDir, kind } = args;
      if (args.pluginData === ASKED || !LATE.has(kind) || !/[\\/]node_modules[\\/]/.test(importer)) return undefined;
      const asked = { importer, namespace, resolveDir, kind, with: args.with, pluginData: ASKED };
      const { errors } = await build.resolve(args.path, asked);
      // Left in the bundle, whose `require` knows no such name and says so.
      return errors.length === 0 ? undefined : { path: args.path, external: true };
    });
  },
};
