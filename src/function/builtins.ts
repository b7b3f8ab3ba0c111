/** Modules that user code may import by name and that the prelude inside the isolate has: those of Node, and what stands in for packages. */
import { builtinModules } from 'node:module';
import type { BundlePlugin } from '../esbuild.ts';

const NAMES = new Set(builtinModules.map((name) => name.replace(/^node:/, '')).filter((name) => !name.startsWith('_')));

/** They open sockets by themselves and cannot run unmodified; the prelude has a module of the same name. */
const PACKAGES = new Set(['undici']);

/**
 * `import`, `require` and `import()` of a builtin become `__millrace.builtin(name)`. A package may carry a builtin's name
 * (`buffer/`, or installed `events`): as in Node the bare name is the builtin, whatever is installed.
 */
export const builtinsPlugin: BundlePlugin = {
  name: 'millrace-builtins',
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z0-9_]+(\/[a-z0-9_]+)*$/ }, (args) => {
      const name = args.path.replace(/^node:/, '');
      if (!NAMES.has(name) && !PACKAGES.has(args.path) && !args.path.startsWith('node:')) return undefined;
      return { path: name, namespace: 'node', sideEffects: false };
    });
    build.onLoad({ filter: /.*/, namespace: 'node' }, (args) => ({
      contents: `module.exports = __millrace.builtin(${JSON.stringify(args.path)});`,
      loader: 'js',
    }));
  },
};
