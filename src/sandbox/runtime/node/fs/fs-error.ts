/** Errors of node:fs: errno, code, syscall and path, as the system's own. */

const KNOWN = {
  EPERM: [-1, 'operation not permitted'],
  ENOENT: [-2, 'no such file or directory'],
  EBADF: [-9, 'bad file descriptor'],
  EACCES: [-13, 'permission denied'],
  EEXIST: [-17, 'file already exists'],
  EXDEV: [-18, 'cross-device link not permitted'],
  ENOTDIR: [-20, 'not a directory'],
  EISDIR: [-21, 'illegal operation on a directory'],
  EINVAL: [-22, 'invalid argument'],
  EMFILE: [-24, 'too many open files'],
  EFBIG: [-27, 'file too large'],
  ENOSPC: [-28, 'no space left on device'],
  EROFS: [-30, 'read-only file system'],
  ENOTEMPTY: [-39, 'directory not empty'],
  ELOOP: [-40, 'too many symbolic links encountered'],
} as const;

export type FsCode = keyof typeof KNOWN;

/** Thrown inside; `attempt` makes of it what a caller sees. */
export class Failure extends Error {
  readonly code: FsCode;
  constructor(code: FsCode) {
    super(code);
    this.code = code;
  }
}

export function fsError(code: FsCode, syscall: string, path?: string, dest?: string): Error {
  const [errno, text] = KNOWN[code];
  const where = path === undefined ? '' : ` '${path}'${dest === undefined ? '' : ` -> '${dest}'`}`;
  const error = new Error(`${code}: ${text}, ${syscall}${where}`);
  Object.assign(error, { errno, code, syscall });
  if (path !== undefined) Object.assign(error, { path });
  if (dest !== undefined) Object.assign(error, { dest });
  return error;
}

export function attempt<T>(syscall: string, path: string | undefined, act: () => T, dest?: string): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Failure) throw fsError(error.code, syscall, path, dest);
    throw error;
  }
}
