/** Where a problem is, as the user knows it: in a file of theirs, or in an entry of their archive. */
import path from 'node:path';

/** `file` is absolute and exists; line and column count from 1, in `entry` where there is one. */
export interface Place {
  readonly file: string;
  /** In an archive (then `file` is the archive): the file's path in it. */
  readonly entry?: string;
  readonly line: number;
  readonly column: number;
}

export interface PlaceRoot {
  readonly root: string;
  readonly archive?: string;
}

/** `file`: absolute, where it was read. */
export function placeIn({ root, archive }: PlaceRoot, file: string, line = 1, column = 1): Place {
  if (archive === undefined) return { file, line, column };
  const inside = path.relative(root, file);
  // Nothing of the cache directory is the user's.
  if (inside === '' || inside.startsWith('..') || path.isAbsolute(inside)) return { file: archive, line: 1, column: 1 };
  return { file: archive, entry: inside.split(path.sep).join('/'), line, column };
}

/** `fn.zip!/index.js:3:5` */
export function placeText({ file, entry, line, column }: Place): string {
  return `${file}${entry === undefined ? '' : `!/${entry}`}:${line}:${column}`;
}
