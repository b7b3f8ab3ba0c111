/** The files of the house: what is read, and where from. Walks the tree, so that it also works without git. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const TOP = ['src', 'connectors', 'types', 'test', 'bench', 'examples', 'scripts', 'bin', '.ci'];
/** `corpus`: configurations with everything that can be wrong, on purpose. */
const LEFT_OUT = new Set(['node_modules', 'dist', 'coverage', '.millrace', 'corpus']);

export interface TextFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export function readHouse(): TextFile[] {
  const top = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
  const paths = [...top, ...TOP.flatMap((folder) => walk(folder))];
  return paths.sort().map((file) => ({ path: file, text: readFileSync(path.join(ROOT, file), 'utf8') }));
}

function walk(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (LEFT_OUT.has(entry.name)) return [];
    const below = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return walk(below);
    return entry.isFile() ? [below] : [];
  });
}
