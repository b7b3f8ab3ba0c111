/**
 * Bundling reads files with the rights of whoever runs Millrace, so a function may only take in what belongs to its own project:
 * files below the outermost directory above it that has a package.json (a workspace's packages may use each other), or, where there is
 * none, below its own directory; and installed packages. Symbolic links are followed before this is judged.
 */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { BundlePlugin } from '../esbuild.ts';

export function confinePlugin(functionRoot: string): BundlePlugin {
  const project = projectOf(realpathSync(functionRoot));
  return {
    name: 'millrace-confine',
    setup(build) {
      build.onLoad({ filter: /.*/, namespace: 'file' }, ({ path: file }) => {
        if (file.startsWith(project + path.sep) || file.includes(`${path.sep}node_modules${path.sep}`)) return null;
        const text = `the file lies outside of the function's project (${path.basename(project)}/)`;
        const notes = [{ text: 'put it beside the function, or in a package that the function depends on' }];
        return { errors: [{ text, notes }] };
      });
    },
  };
}

function projectOf(functionRoot: string): string {
  let project = functionRoot;
  for (let dir = functionRoot; ; dir = path.dirname(dir)) {
    if (existsSync(path.join(dir, 'package.json'))) project = dir;
    if (dir === path.dirname(dir)) return project;
  }
}
