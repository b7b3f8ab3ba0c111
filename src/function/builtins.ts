/** Modules of Node that user code may import by name: the prelude inside the isolate has something for each of them. */
import { builtinModules } from 'node:module';
import type { BundlePlugin } from '../esbuild.ts';

const NAMES = new Set(builtinModules.map((name) => name.replace(/^node:/, '')).filter((name) => !name.startsWith('_')));

/**
 * `import`, `require` and `import()` of a builtin become `__millrace.builtin(name)`. A package may carry a builtin's name
 * (`buffer/`, or installed `events`): as in Node the bare name is the builtin, whatever is installed.
 */
export const builtinsPlugin: BundlePlugin = {
  name: 'millrace-builtins',
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z0-9_]+(\/[a-z0-9_]+)*$/ }, (args) => {
      const name = args.path.replace(/^node:/, '');
      if (!NAMES.has(name) && !args.path.startsWith('node:')) return undefined;
      return { path: name, namespace: 'node', sideEffects: false };
    });
    build.onLoad({ filter: /.*/, namespace: 'node' }, (args) => ({
      contents: `module.exports = __millrace.builtin(${JSON.stringify(args.path)});`,
      loader: 'js',
    }));
  },
};
