/**
 * Bundling reads files with the rights of whoever runs Millrace, so a function may only take in what belongs to its own project:
 * files below the outermost directory above it that has a package.json (a workspace's packages may use each other), or, where there is
 * none, below its own directory; and installed packages. The project of an archive is the archive, and nothing else. Symbolic links
 * are followed before this is judged.
 */
import { existsSync, realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { BundlePlugin } from '../esbuild.ts';
import { BUNDLE_INPUT_BYTES_MAX } from '../limits.ts';
import type { PlaceRoot } from './place.ts';

const MB = 1024 * 1024;
/** What is no comment of the kind is left alone; where it is one, the bundler would open the file that it names. */
const SOURCE_MAP_COMMENT = /\/[/*][#@]\s*sourceMappingURL=(\S+)/g;

/** `sourceMaps` false: maps of compiled files are not read at all. */
export function confinePlugin(located: PlaceRoot, sourceMaps: boolean): BundlePlugin {
  const root = realpathSync(located.root);
  const mayRead = located.archive === undefined ? ofProject(projectOf(root)) : (file: string) => isBelow(root, file);
  const name = located.archive === undefined ? `${path.basename(projectOf(root))}/` : path.basename(located.archive);
  let bytes = 0;
  return {
    name: 'millrace-confine',
    setup(build) {
      build.onLoad({ filter: /.*/, namespace: 'file' }, async ({ path: file }) => {
        if (!mayRead(file)) {
          const text = `the file lies outside of the function's project (${name})`;
          const hint =
            located.archive === undefined
              ? 'put it beside the function, or in a package that the function depends on'
              : 'put it into the archive';
          return { errors: [{ text, notes: [{ text: hint }] }] };
        }
        const found = await stat(file);
        if (!found.isFile()) return { errors: [{ text: 'this is no file' }] };
        bytes += found.size;
        if (bytes > BUNDLE_INPUT_BYTES_MAX) {
          const text = `the function's code is larger than ${BUNDLE_INPUT_BYTES_MAX / MB} MB, with all that it imports`;
          return { errors: [{ text, notes: [{ text: 'import less; data belongs in a store' }] }] };
        }
        return withoutSourceMap(file, sourceMaps ? mayRead : () => false);
      });
    },
  };
}

/** Null: the file as it is. The map of a compiled file is read by the bundler itself, past `onLoad`; one that it may not read is not named to it. */
async function withoutSourceMap(
  file: string,
  mayRead: (file: string) => boolean,
): Promise<{ contents: string; loader: 'default'; resolveDir: string } | null> {
  if (!/\.([mc]?[jt]sx?|css)$/.test(file)) return null;
  const text = await readFile(file, 'utf8');
  if (!text.includes('sourceMappingURL=')) return null;
  let foreign = false;
  const contents = text.replace(SOURCE_MAP_COMMENT, (comment, url: string) => {
    if (url.startsWith('data:') ? mayRead(file) : isOwnMap(path.dirname(file), url, mayRead)) return comment;
    foreign = true;
    // Of the same length, so that no place moves.
    return comment.replace('sourceMappingURL', 'ignoredMappingURL');
  });
  return foreign ? { contents, loader: 'default', resolveDir: path.dirname(file) } : null;
}

function isOwnMap(directory: string, url: string, mayRead: (file: string) => boolean): boolean {
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) return false;
  // Without what a URL has behind its path, and without the end of a block comment.
  const name = url.replace(/[?#].*$/, '').replace(/\*\/$/, '');
  return [name, safeDecode(name)].every((spelt) => {
    const map = path.join(directory, spelt);
    // Not there: the bundler does without.
    return existsSync(map) ? mayRead(realpathSync(map)) : mayRead(map);
  });
}

function safeDecode(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url; // no escapes: there is one spelling
  }
}

function ofProject(project: string): (file: string) => boolean {
  return (file) => isBelow(project, file) || file.includes(`${path.sep}node_modules${path.sep}`);
}

function isBelow(directory: string, file: string): boolean {
  return file.startsWith(directory + path.sep);
}

function projectOf(functionRoot: string): string {
  let project = functionRoot;
  for (let dir = functionRoot; ; dir = path.dirname(dir)) {
    if (existsSync(path.join(dir, 'package.json'))) project = dir;
    if (dir === path.dirname(dir)) return project;
  }
}
