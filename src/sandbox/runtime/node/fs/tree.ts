/** What is done with paths: files as a whole, directories, links, times and modes. */
import { nowMs } from '../../host.ts';
import { nodeError } from '../../errors.ts';
import { randomHex } from '../../crypto/random.ts';
import { dataOf, encoded, modeOf, nameAs, type Options, optionsOf, pathOf } from './arguments.ts';
import { constants } from './constants.ts';
import { setTimes, withFile, writeAt } from './descriptors.ts';
import { attempt, Failure, fsError } from './fs-error.ts';
import { Dirent, kindOf, statsOf } from './stats.ts';
import {
  add,
  checkOwn,
  DirectoryNode,
  existing,
  FileNode,
  find,
  type FsNode,
  LinkNode,
  remove,
  scratchUse,
  writableParent,
} from './volume.ts';

const UMASK = 0o022;

/** An operation on one path: the rest of its arguments are its own. */
const onPath =
  <A extends unknown[], R>(syscall: string, act: (full: string, given: string, ...args: A) => R) =>
  (path: unknown, ...args: A): R => {
    const { given, full } = pathOf(path);
    return attempt(syscall, given, () => act(full, given, ...args));
  };

const onTwo =
  (syscall: string, act: (from: string, to: string, ...args: unknown[]) => void) =>
  (from: unknown, to: unknown, ...args: unknown[]): void => {
    const [source, target] = [pathOf(from, 'oldPath'), pathOf(to, 'newPath')];
    attempt(syscall, source.given, () => act(source.full, target.full, ...args), target.given);
  };

function readFile(target: unknown, options?: unknown): Uint8Array | string {
  const { encoding, flag } = optionsOf(options);
  return withFile(target, flag ?? 'r', 0o666, (file) => {
    const content = file.node.content.slice(file.position);
    file.position = file.node.size;
    file.node.atimeMs = nowMs();
    return encoded(content, encoding);
  });
}

function writeFile(target: unknown, data: unknown, options?: unknown): void {
  const { encoding, flag, mode } = optionsOf(options);
  const bytes = dataOf(data, encoding);
  withFile(target, flag ?? 'w', mode ?? 0o666, (file) => {
    writeAt(file, bytes, null);
  });
}

function stat(follow: boolean, syscall: string) {
  return (path: unknown, options?: unknown) => {
    const { bigint, throwIfNoEntry } = optionsOf(options);
    const { given, full } = pathOf(path);
    try {
      return attempt(syscall, given, () => statsOf(existing(full, follow), bigint));
    } catch (error) {
      const { code } = error as { code?: string };
      if (throwIfNoEntry === false && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
      throw error;
    }
  };
}

function directoryAt(full: string): DirectoryNode {
  const node = existing(full);
  if (!(node instanceof DirectoryNode)) throw new Failure('ENOTDIR');
  return node;
}

function* entries(of: DirectoryNode, below: string, recursive: boolean): Generator<[name: string, at: string, FsNode]> {
  for (const [name, node] of of.children) {
    yield [name, below, node];
    if (recursive && node instanceof DirectoryNode)
      yield* entries(node, below === '' ? name : `${below}/${name}`, true);
  }
}

export function readEntries(full: string, given: string, options?: unknown): (Dirent | Uint8Array | string)[] {
  const { withFileTypes, recursive, encoding } = optionsOf(options);
  const base = given.replace(/(.)\/+$/, '$1');
  return Array.from(entries(directoryAt(full), '', recursive === true), ([name, below, node]) => {
    if (withFileTypes !== true) return nameAs(below === '' ? name : `${below}/${name}`, encoding);
    return new Dirent(nameAs(name, encoding), below === '' ? base : `${base}/${below}`, kindOf(node));
  });
}

function makeDirectory(full: string, _given: string, options?: unknown): string | undefined {
  const { recursive, mode } =
    typeof options === 'object' && options !== null ? (options as Options) : { recursive: false, mode: options };
  const made = modeOf(mode, 0o777) & ~UMASK;
  if (recursive !== true) {
    const place = find(full);
    if (place.node !== undefined) throw new Failure('EEXIST');
    add(writableParent(place), place.name, new DirectoryNode(made, true));
    return undefined;
  }
  let first: string | undefined;
  let path = '';
  for (const part of full.split('/').filter((each) => each !== '')) {
    path += `/${part}`;
    const place = find(path);
    if (place.node === undefined) {
      add(writableParent(place), place.name, new DirectoryNode(made, true));
      first ??= path;
    } else if (!(place.node instanceof DirectoryNode)) throw new Failure(path === full ? 'EEXIST' : 'ENOTDIR');
  }
  return first;
}

function removeTree(full: string, given: string, options?: unknown): void {
  const { recursive, force } = optionsOf(options);
  let place;
  try {
    place = find(full, false);
  } catch (error) {
    if (force === true && error instanceof Failure && error.code === 'ENOENT') return;
    throw error;
  }
  if (place.node === undefined) {
    if (force === true) return;
    throw fsError('ENOENT', 'lstat', given);
  }
  if (place.node instanceof DirectoryNode && recursive !== true) {
    const error = nodeError(
      Error,
      'ERR_FS_EISDIR',
      `Path is a directory: rm returned EISDIR (is a directory) ${given}`,
    );
    error.name = 'SystemError';
    throw Object.assign(error, { errno: 21, syscall: 'rm', path: given });
  }
  const parent = writableParent(place);
  if (place.node instanceof DirectoryNode) empty(place.node);
  remove(parent, place.name);
}

function empty(directory: DirectoryNode): void {
  for (const [name, node] of [...directory.children]) {
    if (node instanceof DirectoryNode) empty(node);
    remove(directory, name);
  }
}

function rename(from: string, to: string): void {
  const source = find(from, false);
  if (source.node === undefined) throw new Failure('ENOENT');
  const parent = writableParent(source);
  const target = find(to, false);
  const into = writableParent(target);
  if (target.node === source.node) return;
  if (source.node instanceof DirectoryNode) {
    if (`${target.path}/`.startsWith(`${source.path}/`)) throw new Failure('EINVAL');
    if (target.node !== undefined && !(target.node instanceof DirectoryNode)) throw new Failure('ENOTDIR');
    if (target.node instanceof DirectoryNode && target.node.children.size > 0) throw new Failure('ENOTEMPTY');
  } else if (target.node instanceof DirectoryNode) throw new Failure('EISDIR');
  if (target.node !== undefined) remove(into, target.name);
  parent.children.delete(source.name);
  parent.changed();
  add(into, target.name, source.node);
}

function copyFile(from: string, to: string, flags: unknown = 0): void {
  const node = existing(from);
  if (!(node instanceof FileNode)) throw new Failure('EISDIR');
  const target = find(to);
  if (target.node !== undefined && (Number(flags) & constants.COPYFILE_EXCL) !== 0) throw new Failure('EEXIST');
  if (target.node instanceof DirectoryNode) throw new Failure('EISDIR');
  if (target.node === node) return;
  const copy = target.node instanceof FileNode ? target.node : new FileNode(node.mode);
  copy.resize(0);
  copy.resize(node.size);
  copy.bytes.set(node.content);
  copy.changed();
  if (target.node === undefined) add(writableParent(target), target.name, copy);
}

function link(from: string, to: string): void {
  const node = existing(from);
  if (!(node instanceof FileNode)) throw new Failure('EPERM');
  const target = find(to, false);
  if (target.node !== undefined) throw new Failure('EEXIST');
  add(writableParent(target), target.name, node);
  node.nlink++;
}

const realpath = onPath('realpath', (full, _given, options?: unknown) => {
  const place = find(full);
  if (place.node === undefined) throw new Failure('ENOENT');
  return nameAs(place.path, optionsOf(options)['encoding']);
});

export const pathOperations = {
  access: onPath('access', (full, _given, mode: unknown = 0) => {
    const node = existing(full);
    if ((Number(mode) & constants.W_OK) !== 0) checkOwn(node);
    if ((Number(mode) & constants.X_OK) !== 0 && (node.mode & 0o111) === 0) throw new Failure('EACCES');
  }),
  appendFile: (target: unknown, data: unknown, options?: unknown) =>
    writeFile(target, data, { ...optionsOf(options), flag: optionsOf(options)['flag'] ?? 'a' }),
  chmod: onPath('chmod', (full, _given, mode: unknown) => {
    const node = existing(full);
    checkOwn(node);
    node.mode = modeOf(mode, 0);
  }),
  chown: onPath('chown', (full) => checkOwn(existing(full))),
  copyFile: onTwo('copyfile', copyFile),
  lchown: onPath('lchown', (full) => checkOwn(existing(full, false))),
  link: onTwo('link', link),
  lstat: stat(false, 'lstat'),
  lutimes: onPath('lutime', (full, _given, atime: unknown, mtime: unknown) =>
    setTimes(existing(full, false), atime, mtime),
  ),
  mkdir: onPath('mkdir', makeDirectory),
  mkdtemp: (prefix: unknown, options?: unknown) => {
    const { given } = pathOf(prefix, 'prefix');
    const name = `${given}${randomHex(3)}`;
    attempt('mkdtemp', `${given}XXXXXX`, () => makeDirectory(pathOf(name).full, name, { mode: 0o700 }));
    return nameAs(name, optionsOf(options)['encoding']);
  },
  readFile,
  readdir: onPath('scandir', readEntries),
  readlink: onPath('readlink', (full, _given, options?: unknown) => {
    const node = existing(full, false);
    if (!(node instanceof LinkNode)) throw new Failure('EINVAL');
    return nameAs(node.target, optionsOf(options)['encoding']);
  }),
  realpath,
  rename: onTwo('rename', rename),
  rm: onPath('rm', removeTree),
  rmdir: onPath('rmdir', (full) => {
    const place = find(full, false);
    if (place.node === undefined) throw new Failure('ENOENT');
    if (!(place.node instanceof DirectoryNode)) throw new Failure('ENOTDIR');
    if (place.node.children.size > 0) throw new Failure('ENOTEMPTY');
    remove(writableParent(place), place.name);
  }),
  stat: stat(true, 'stat'),
  statfs: onPath('statfs', (full) => {
    existing(full);
    const { used, max, inodes } = scratchUse();
    const [bsize, free] = [4096, Math.floor((max - used) / 4096)];
    return {
      type: 0x01021994,
      bsize,
      blocks: Math.floor(max / bsize),
      bfree: free,
      bavail: free,
      files: inodes,
      ffree: 1_000_000,
    };
  }),
  symlink: (target: unknown, path: unknown) => {
    const [{ given: to }, at] = [pathOf(target, 'target'), pathOf(path)];
    const act = () => {
      const place = find(at.full, false);
      if (place.node !== undefined) throw new Failure('EEXIST');
      add(writableParent(place), place.name, new LinkNode(to));
    };
    attempt('symlink', to, act, at.given);
  },
  truncate: (path: unknown, length?: number) =>
    withFile(path, 'r+', 0o666, (file) => {
      file.node.resize(Math.max(0, length ?? 0));
      file.node.changed();
    }),
  unlink: onPath('unlink', (full) => {
    const place = find(full, false);
    if (place.node === undefined) throw new Failure('ENOENT');
    if (place.node instanceof DirectoryNode) throw new Failure('EISDIR');
    remove(writableParent(place), place.name);
  }),
  utimes: onPath('utime', (full, _given, atime: unknown, mtime: unknown) => setTimes(existing(full), atime, mtime)),
  writeFile,
};

export function existsSync(path: unknown): boolean {
  try {
    return find(pathOf(path).full).node !== undefined;
  } catch {
    // What cannot be a path does not exist; Node says no more either.
    return false;
  }
}

/** A file, or a directory with all that is in it. */
export function cpSync(from: unknown, to: unknown, options?: unknown): void {
  const { recursive, force, errorOnExist, filter } = optionsOf(options);
  const [source, target] = [pathOf(from, 'src'), pathOf(to, 'dest')];
  if (typeof filter === 'function' && !(filter(source.given, target.given) as boolean)) return;
  const node = attempt('lstat', source.given, () => existing(source.full));
  if (!(node instanceof DirectoryNode)) {
    if (existsSync(target.full) && force === false) {
      if (errorOnExist === true) throw fsError('EEXIST', 'cp', target.given);
      return;
    }
    pathOperations.mkdir(target.full.replace(/\/[^/]*\/*$/, ''), { recursive: true });
    return pathOperations.copyFile(source.given, target.given);
  }
  if (recursive !== true)
    throw nodeError(Error, 'ERR_FS_EISDIR', `Recursive option not enabled, cannot copy a directory: ${source.given}`);
  if (`${target.full}/`.startsWith(`${source.full}/`))
    throw nodeError(Error, 'ERR_FS_CP_EINVAL', `cannot copy ${source.given} to a subdirectory of self ${target.given}`);
  pathOperations.mkdir(target.given, { recursive: true });
  for (const name of node.children.keys()) cpSync(`${source.given}/${name}`, `${target.given}/${name}`, options);
}
