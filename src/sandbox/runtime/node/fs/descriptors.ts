/** Open files: what has a number, and what can be done with one. */
import { nowMs } from '../../host.ts';
import { invalidArgument, nodeError } from '../../errors.ts';
import { dataOf, flagsOf, modeOf, msOf, type Options, optionsOf, pathOf } from './arguments.ts';
import { constants } from './constants.ts';
import { attempt, Failure } from './fs-error.ts';
import { statsOf } from './stats.ts';
import { add, DirectoryNode, FileNode, find, type FsNode, LinkNode, writableParent } from './volume.ts';

interface Open {
  readonly node: FileNode | DirectoryNode;
  readonly flags: number;
  position: number;
}

/** As many as a Lambda has. */
const DESCRIPTORS_MAX = 1024;
const UMASK = 0o022;
const open = new Map<number, Open>();

/** 1 and 2 are the log, as they are in Lambda; packages for logging write to them. */
const isLog = (fd: unknown): fd is 1 | 2 => fd === 1 || fd === 2;

function openFile(full: string, flags: number, mode: number): Open {
  const place = find(full, (flags & constants.O_NOFOLLOW) === 0);
  let { node } = place;
  const writes = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
  if (node === undefined) {
    if ((flags & constants.O_CREAT) === 0 || full === '') throw new Failure('ENOENT');
    node = new FileNode(mode & ~UMASK);
    add(writableParent(place), place.name, node);
  } else if ((flags & constants.O_CREAT) !== 0 && (flags & constants.O_EXCL) !== 0) throw new Failure('EEXIST');
  if (node instanceof LinkNode) throw new Failure('ELOOP');
  if (node instanceof DirectoryNode && writes) throw new Failure('EISDIR');
  if (node instanceof FileNode && (flags & constants.O_TRUNC) !== 0 && writes) {
    node.resize(0);
    node.changed();
  }
  node.opened++;
  return { node, flags, position: 0 };
}

function closeFile({ node }: Open): void {
  node.opened--;
  if (node instanceof FileNode) node.release();
}

export function openSync(path: unknown, flags: unknown = 'r', mode?: unknown): number {
  const { given, full } = pathOf(path);
  const wanted = flagsOf(flags ?? 'r');
  return attempt('open', given, () => {
    if (open.size >= DESCRIPTORS_MAX) throw new Failure('EMFILE');
    let fd = 3;
    while (open.has(fd)) fd++;
    open.set(fd, openFile(full, wanted, modeOf(mode, 0o666)));
    return fd;
  });
}

function checkFd(fd: unknown): asserts fd is number {
  if (typeof fd !== 'number') throw invalidArgument('fd', 'of type number', fd);
  if (!Number.isInteger(fd) || fd < 0 || fd > 0x7fffffff)
    throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', `The value of "fd" is out of range. Received ${fd}`);
}

function openOf(fd: unknown): Open {
  checkFd(fd);
  const found = open.get(fd);
  if (found === undefined) throw new Failure('EBADF');
  return found;
}

function fileOf(fd: unknown): Open & { readonly node: FileNode } {
  const found = openOf(fd);
  if (!(found.node instanceof FileNode)) throw new Failure('EISDIR');
  return found as Open & { readonly node: FileNode };
}

export function closeSync(fd: unknown): void {
  checkFd(fd);
  if (isLog(fd)) return;
  attempt('close', undefined, () => {
    closeFile(openOf(fd));
    open.delete(fd);
  });
}

interface Range {
  readonly offset: number;
  readonly length: number;
  readonly position: number | null;
}

function rangeOf(bytes: Uint8Array, offset: unknown, length: unknown, position: unknown): Range {
  const from = offset === undefined || offset === null ? 0 : Number(offset);
  const count = length === undefined || length === null ? bytes.length - from : Number(length);
  if (!(from >= 0 && from <= bytes.length))
    throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', `The value of "offset" is out of range. Received ${from}`);
  if (!(count >= 0 && from + count <= bytes.length))
    throw nodeError(
      RangeError,
      'ERR_OUT_OF_RANGE',
      `The value of "length" is out of range. It must be <= ${bytes.length - from}. Received ${count}`,
    );
  const at = typeof position === 'bigint' ? Number(position) : position;
  return { offset: from, length: count, position: typeof at === 'number' && at >= 0 ? at : null };
}

export function readSync(fd: unknown, buffer: unknown, offset?: unknown, length?: unknown, position?: unknown): number {
  if (!ArrayBuffer.isView(buffer))
    throw invalidArgument('buffer', 'an instance of Buffer, TypedArray, or DataView', buffer);
  if (typeof offset === 'object' && offset !== null)
    ({ offset, length, position } = offset as { offset?: unknown; length?: unknown; position?: unknown });
  const target = dataOf(buffer, undefined);
  const range = rangeOf(target, offset, length, position);
  if (fd === 0) return 0;
  return attempt('read', undefined, () => {
    const file = fileOf(fd);
    if ((file.flags & constants.O_WRONLY) !== 0) throw new Failure('EBADF');
    const from = range.position ?? file.position;
    const part = file.node.content.subarray(from, from + range.length);
    target.set(part, range.offset);
    if (range.position === null) file.position += part.length;
    file.node.atimeMs = nowMs();
    return part.length;
  });
}

export function writeAt(
  file: { node: FileNode; flags: number; position: number },
  bytes: Uint8Array,
  at: number | null,
): number {
  const { node } = file;
  const from = (file.flags & constants.O_APPEND) !== 0 ? node.size : (at ?? file.position);
  if (from + bytes.length > node.size) node.resize(from + bytes.length);
  node.bytes.set(bytes, from);
  node.changed();
  if (at === null) file.position = from + bytes.length;
  return bytes.length;
}

/** `(fd, bytes, offset, length, position)`, `(fd, bytes, options)` or `(fd, text, position, encoding)`. */
export function writeSync(fd: unknown, data: unknown, ...rest: unknown[]): number {
  let [offset, length, position] = rest;
  if (typeof offset === 'object' && offset !== null)
    ({ offset, length, position } = offset as { offset?: unknown; length?: unknown; position?: unknown });
  const text = typeof data === 'string';
  const bytes = dataOf(data, text ? rest[1] : undefined);
  const range = text ? rangeOf(bytes, 0, bytes.length, rest[0]) : rangeOf(bytes, offset, length, position);
  const part = bytes.subarray(range.offset, range.offset + range.length);
  if (isLog(fd)) {
    (fd === 1 ? process.stdout : process.stderr).write(Buffer.from(part).toString());
    return part.length;
  }
  return attempt('write', undefined, () => {
    const file = fileOf(fd);
    if ((file.flags & (constants.O_WRONLY | constants.O_RDWR)) === 0) throw new Failure('EBADF');
    return writeAt(file, part, range.position);
  });
}

const many =
  (one: (fd: unknown, buffer: unknown, offset: number, length: number, position: number | null) => number) =>
  (fd: unknown, buffers: readonly ArrayBufferView[], position?: unknown): number => {
    let total = 0;
    for (const buffer of buffers) {
      const at = typeof position === 'number' ? position + total : null;
      const count = one(fd, buffer, 0, buffer.byteLength, at);
      total += count;
      if (count < buffer.byteLength) break;
    }
    return total;
  };

const onDescriptor =
  <A extends unknown[], R>(syscall: string, act: (file: Open, ...args: A) => R) =>
  (fd: unknown, ...args: A): R =>
    attempt(syscall, undefined, () => act(openOf(fd), ...args));

export const descriptorOperations = {
  open: openSync,
  close: closeSync,
  read: readSync,
  write: writeSync,
  readv: many(readSync),
  writev: many(writeSync),
  fstat: onDescriptor('fstat', ({ node }, options?: Options) => statsOf(node, optionsOf(options)['bigint'])),
  ftruncate: onDescriptor('ftruncate', ({ node, flags }, length?: number) => {
    if (!(node instanceof FileNode) || (flags & (constants.O_WRONLY | constants.O_RDWR)) === 0)
      throw new Failure('EINVAL');
    node.resize(Math.max(0, length ?? 0));
    node.changed();
  }),
  futimes: onDescriptor('futime', ({ node }, atime: unknown, mtime: unknown) => setTimes(node, atime, mtime)),
  fchmod: onDescriptor('fchmod', ({ node }, mode: unknown) => {
    node.mode = modeOf(mode, 0);
  }),
  fchown: onDescriptor('fchown', () => undefined),
  fsync: onDescriptor('fsync', () => undefined),
  fdatasync: onDescriptor('fdatasync', () => undefined),
};

export function setTimes(node: FsNode, atime: unknown, mtime: unknown): void {
  node.atimeMs = msOf(atime);
  node.mtimeMs = msOf(mtime);
  node.ctimeMs = nowMs();
}

/** A number of a descriptor, or a path that is opened for as long as `act` takes. */
export function withFile<T>(
  target: unknown,
  flags: unknown,
  mode: unknown,
  act: (file: { node: FileNode; flags: number; position: number }) => T,
): T {
  if (typeof target === 'number') return attempt('read', undefined, () => act(fileOf(target)));
  const { given, full } = pathOf(target);
  const wanted = flagsOf(flags);
  const file = attempt('open', given, () => openFile(full, wanted, modeOf(mode, 0o666)));
  try {
    return attempt(file.node instanceof DirectoryNode ? 'read' : 'write', undefined, () => {
      if (!(file.node instanceof FileNode)) throw new Failure('EISDIR');
      return act(file as { node: FileNode; flags: number; position: number });
    });
  } finally {
    closeFile(file);
  }
}
