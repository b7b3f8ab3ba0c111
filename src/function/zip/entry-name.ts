/** The name of an entry → where it goes below the archive's root, or why it goes nowhere. Pure. */
import { ZIP_PATH_BYTES_MAX, ZIP_PATH_PART_BYTES_MAX } from '../../limits.ts';

export interface EntryPath {
  /** Parts joined by `/`; empty for the root itself. */
  readonly path: string;
  readonly directory: boolean;
}

/** A string is what is wrong with the name; it follows "the entry NAME". */
export function readEntryName(name: string): EntryPath | string {
  if (name === '') return 'has no name';
  if (name.includes('\0')) return 'has a NUL in its name';
  if (/[\u0001-\u001f\u007f]/.test(name)) return 'has a control character in its name';
  if (name.includes('\\')) return 'has a backslash in its name';
  if (name.startsWith('/')) return 'has an absolute path';
  if (/^[a-z]:/i.test(name)) return 'has a drive letter in its name';
  const directory = name.endsWith('/');
  // Some tools write `./index.js`. The same file under two spellings is found as a duplicate later.
  const parts = (directory ? name.slice(0, -1) : name).split('/').filter((part) => part !== '.');
  if (parts.includes('..')) return 'leads out of the archive (..)';
  if (parts.includes('')) return 'has an empty part in its path';
  const path = parts.join('/');
  if (path === '' && !directory) return 'has no name';
  if (Buffer.byteLength(path) > ZIP_PATH_BYTES_MAX) return `has a path of more than ${ZIP_PATH_BYTES_MAX} bytes`;
  if (parts.some((part) => Buffer.byteLength(part) > ZIP_PATH_PART_BYTES_MAX))
    return `has a name of more than ${ZIP_PATH_PART_BYTES_MAX} bytes in its path`;
  return { path, directory };
}

/** Finds names that cannot stand beside each other. Exact: what a file system makes of case and Unicode is found when writing. */
export class TakenNames {
  private readonly files = new Set<string>();
  /** Those that have an entry of their own; others exist because something is in them. */
  private readonly listed = new Set<string>();
  private readonly directories = new Set<string>();

  /** What is wrong with it beside those before it, or undefined; then it is taken. */
  take({ path, directory }: EntryPath): string | undefined {
    if (this.files.has(path)) return directory ? 'is there as a file too' : 'is there twice';
    if (directory ? this.listed.has(path) : this.directories.has(path))
      return directory ? 'is there twice' : 'is there as a directory too';
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const above = path.slice(0, at);
      if (this.files.has(above)) return 'lies below a file';
      this.directories.add(above);
    }
    if (!directory) this.files.add(path);
    else {
      this.listed.add(path);
      this.directories.add(path);
    }
    return undefined;
  }
}
