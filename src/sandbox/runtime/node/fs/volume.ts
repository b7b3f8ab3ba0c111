/**
 * The files of one isolate, in its own memory: /tmp can be written, all else is a bare root without files. What is written is counted
 * twice: here against the size that Lambda gives /tmp, and as array buffers against the function's memory.
 */
import { hooks, nowMs } from '../../host.ts';
import { Failure } from './fs-error.ts';

const LINKS_FOLLOWED_MAX = 40;
const GROW_BYTES_MAX = 1024 * 1024;

let inodes = 0;
let used = 0;

abstract class Inode {
  readonly ino = ++inodes;
  mode: number;
  uid = 1000;
  gid = 1000;
  nlink = 1;
  /** Descriptors that hold it: it lives on while one does. */
  opened = 0;
  atimeMs = nowMs();
  mtimeMs = this.atimeMs;
  ctimeMs = this.atimeMs;
  readonly birthtimeMs = this.atimeMs;
  constructor(mode: number) {
    this.mode = mode;
  }
  changed(): void {
    this.mtimeMs = this.ctimeMs = nowMs();
  }
}

export class FileNode extends Inode {
  /** May be longer than `size`. */
  bytes = new Uint8Array(0);
  size = 0;

  get content(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }
  /** Room for so many bytes; what is between the old size and the new one is zero. */
  resize(size: number): void {
    if (size === 0) this.#drop();
    else if (size > this.bytes.length) this.#move(size);
    else if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }
  #move(size: number): void {
    const before = this.bytes.length;
    const free = hooks.scratchBytesMax - (used - before);
    if (size > free) throw new Failure('ENOSPC');
    const spare = this.size === 0 ? 0 : Math.min(size, GROW_BYTES_MAX);
    const made = allocate(Math.min(free, size + spare)) ?? allocate(size);
    if (made === null) throw new Failure('ENOSPC');
    made.set(this.content);
    this.bytes = made;
    used += made.length - before;
  }
  /** Nobody can come to it any more. */
  release(): void {
    if (this.nlink > 0 || this.opened > 0) return;
    this.#drop();
    this.size = 0;
  }
  #drop(): void {
    used -= this.bytes.length;
    this.bytes = new Uint8Array(0);
  }
}

/** Null where the function's memory has no room. */
function allocate(size: number): Uint8Array<ArrayBuffer> | null {
  try {
    return new Uint8Array(size);
  } catch {
    // RangeError: the isolate's own limit. To who writes a file it is a full disk.
    return null;
  }
}

export class DirectoryNode extends Inode {
  readonly children = new Map<string, FsNode>();
  /** Whether something can be made or removed in it. */
  readonly writable: boolean;
  constructor(mode: number, writable: boolean) {
    super(mode);
    this.writable = writable;
  }
  get size(): number {
    return 4096;
  }
}

export class LinkNode extends Inode {
  readonly target: string;
  constructor(target: string) {
    super(0o777);
    this.target = target;
  }
  get size(): number {
    return this.target.length;
  }
}

export type FsNode = FileNode | DirectoryNode | LinkNode;

const root = new DirectoryNode(0o755, false);
const folder = (at: DirectoryNode, name: string, mode: number, writable: boolean) => {
  const made = new DirectoryNode(mode, writable);
  at.children.set(name, made);
  return made;
};
folder(root, 'tmp', 0o1777, true);
folder(folder(root, 'var', 0o755, false), 'task', 0o755, false);

export interface Place {
  /** Null for the root. */
  readonly parent: DirectoryNode | null;
  readonly name: string;
  readonly node: FsNode | undefined;
  /** Without links. */
  readonly path: string;
}

/** Where a path leads; the last part need not exist. */
export function find(path: string, followLast = true): Place {
  if (path === '') throw new Failure('ENOENT');
  let parts = path.split('/').filter((part) => part !== '' && part !== '.');
  let trail: [string, DirectoryNode][] = [];
  let links = 0;
  for (;;) {
    const directory = trail.at(-1)?.[1] ?? root;
    const part = parts.shift();
    if (part === undefined) {
      const [name] = trail.at(-1) ?? [''];
      const parent = trail.length === 0 ? null : (trail.at(-2)?.[1] ?? root);
      return { parent, name, node: directory, path: `/${trail.map(([each]) => each).join('/')}` };
    }
    if (part === '..') {
      trail.pop();
      continue;
    }
    const node = directory.children.get(part);
    const last = parts.length === 0;
    if (node instanceof LinkNode && (!last || followLast)) {
      if (++links > LINKS_FOLLOWED_MAX) throw new Failure('ELOOP');
      parts = [...node.target.split('/').filter((each) => each !== '' && each !== '.'), ...parts];
      if (node.target.startsWith('/')) trail = [];
      continue;
    }
    if (last && !(node instanceof DirectoryNode))
      return { parent: directory, name: part, node, path: `/${[...trail.map(([each]) => each), part].join('/')}` };
    if (node === undefined) throw new Failure('ENOENT');
    if (!(node instanceof DirectoryNode)) throw new Failure('ENOTDIR');
    trail.push([part, node]);
  }
}

/** What is there, or ENOENT. */
export function existing(path: string, followLast = true): FsNode {
  const { node } = find(path, followLast);
  if (node === undefined) throw new Failure('ENOENT');
  return node;
}

/** The directory in which something is to be made or removed. */
export function writableParent({ parent }: Place): DirectoryNode {
  if (parent === null || !parent.writable) throw new Failure('EROFS');
  return parent;
}

export function add(parent: DirectoryNode, name: string, node: FsNode): void {
  parent.children.set(name, node);
  parent.changed();
}

export function remove(parent: DirectoryNode, name: string): void {
  const node = parent.children.get(name);
  parent.children.delete(name);
  parent.changed();
  if (node === undefined) return;
  node.nlink--;
  node.ctimeMs = nowMs();
  if (node instanceof FileNode) node.release();
}

/** Of all but the bare root. */
export function checkOwn(node: FsNode): void {
  if (node instanceof DirectoryNode && !node.writable) throw new Failure('EROFS');
}

export function scratchUse(): { readonly used: number; readonly max: number; readonly inodes: number } {
  return { used, max: hooks.scratchBytesMax, inodes };
}
