/** Stats and Dirent. */
import { OwnDate } from '../../host.ts';
import { constants } from './constants.ts';
import { DirectoryNode, FileNode, type FsNode } from './volume.ts';

const BLOCK = 4096;

export function kindOf(node: FsNode): number {
  if (node instanceof FileNode) return constants.S_IFREG;
  return node instanceof DirectoryNode ? constants.S_IFDIR : constants.S_IFLNK;
}

abstract class Kind {
  protected abstract kind(): number;
  isFile(): boolean {
    return this.kind() === constants.S_IFREG;
  }
  isDirectory(): boolean {
    return this.kind() === constants.S_IFDIR;
  }
  isSymbolicLink(): boolean {
    return this.kind() === constants.S_IFLNK;
  }
  isBlockDevice(): boolean {
    return false;
  }
  isCharacterDevice(): boolean {
    return false;
  }
  isFIFO(): boolean {
    return false;
  }
  isSocket(): boolean {
    return false;
  }
}

export class Stats extends Kind {
  dev = 1;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev = 0;
  blksize = BLOCK;
  ino: number;
  size: number;
  blocks: number;
  atimeMs: number;
  mtimeMs: number;
  ctimeMs: number;
  birthtimeMs: number;
  constructor(node: FsNode) {
    super();
    this.mode = kindOf(node) | node.mode;
    this.nlink = node.nlink;
    this.uid = node.uid;
    this.gid = node.gid;
    this.ino = node.ino;
    this.size = node.size;
    this.blocks = Math.ceil(node.size / 512);
    this.atimeMs = node.atimeMs;
    this.mtimeMs = node.mtimeMs;
    this.ctimeMs = node.ctimeMs;
    this.birthtimeMs = node.birthtimeMs;
  }
  protected kind(): number {
    return Number(this.mode) & constants.S_IFMT;
  }
}

/** Dates are made when they are asked for, and can be set, as in Node. */
for (const name of ['atime', 'mtime', 'ctime', 'birthtime'] as const) {
  Object.defineProperty(Stats.prototype, name, {
    configurable: true,
    enumerable: true,
    get(this: Stats) {
      return new OwnDate(Number(this[`${name}Ms`]));
    },
    set(this: Stats, value: Date) {
      Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true });
    },
  });
}

const NS_PER_MS = 1_000_000n;

/** With `{ bigint: true }`. */
export function statsOf(node: FsNode, bigint: unknown): Stats {
  const stats = new Stats(node);
  if (bigint !== true) return stats;
  const big = stats as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(stats))
    if (typeof value === 'number') big[name] = BigInt(Math.floor(value));
  for (const name of ['atime', 'mtime', 'ctime', 'birthtime'])
    big[`${name}Ns`] = (big[`${name}Ms`] as bigint) * NS_PER_MS;
  return stats;
}

export class Dirent extends Kind {
  readonly name: string | Uint8Array;
  readonly parentPath: string;
  readonly #kind: number;
  constructor(name: string | Uint8Array, parentPath: string, kind: number) {
    super();
    this.name = name;
    this.parentPath = parentPath;
    this.#kind = kind;
  }
  protected kind(): number {
    return this.#kind;
  }
}
