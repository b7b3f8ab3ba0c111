/** What the checks of one run share. */
import type { ConfigFile } from './read-files.ts';
import type { Report } from './report.ts';
import type { TreeNode } from './tree.ts';
import type { Position } from './types.ts';

export interface CheckContext {
  readonly report: Report;
  /** Code has to lie below it. */
  readonly root: string;
  /** For rules about time, Unix ms. */
  readonly nowMs: number;
  /** Memory of this machine, bytes. */
  readonly memoryBytes: number;
  /** Declared secrets, found while values are read; every text of a problem is scrubbed of them. */
  readonly secrets: Set<string>;
  /** Values that only look like secrets: kept out of diagnostics, too. */
  readonly hidden: Set<string>;
}

/** A function or a mapping as declared in some file. */
export interface Declared {
  readonly name: string;
  readonly node: TreeNode;
  readonly keyAt: Position;
  readonly file: ConfigFile;
}
