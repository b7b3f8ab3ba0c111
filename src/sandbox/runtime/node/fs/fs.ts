/** node:fs and node:fs/promises: each operation once, synchronous, and its other forms made from it. */
import { invalidArgument } from '../../errors.ts';
import { Blob } from '../../fetch/blob.ts';
import { unsupported } from '../unsupported.ts';
import { optionsOf } from './arguments.ts';
import { constants } from './constants.ts';
import { descriptorOperations } from './descriptors.ts';
import { Dir, FileHandle } from './file-handle.ts';
import { Dirent, Stats } from './stats.ts';
import { ReadStream, WriteStream } from './streams.ts';
import { cpSync, existsSync, pathOperations } from './tree.ts';

type Operation = (...args: never[]) => unknown;
type Callback = (...args: unknown[]) => void;

const customPromisify = Symbol.for('nodejs.util.promisify.custom');
const SYNC = {
  ...pathOperations,
  ...descriptorOperations,
  cp: cpSync,
  opendir: (path: unknown, options?: unknown) => new Dir(path, options),
};

/** The last argument is the callback; what else it is given beside the result. */
function withCallback(operation: Operation, extra: (args: readonly unknown[]) => unknown[] = () => []) {
  return (...args: unknown[]): void => {
    const done = args.pop() as Callback;
    if (typeof done !== 'function') throw invalidArgument('cb', 'of type function', done);
    let answer: unknown[];
    try {
      const result = operation(...(args as never[]));
      answer = result === undefined ? [null] : [null, result, ...extra(args)];
    } catch (error) {
      // Wrong arguments are thrown at once, as Node does; what the files say comes by the callback.
      if ((error as { syscall?: string }).syscall === undefined) throw error;
      answer = [error];
    }
    setImmediate(() => done(...answer));
  };
}

function withPromise(operation: Operation) {
  return async (...args: unknown[]): Promise<unknown> => operation(...(args as never[]));
}

function callbackForms(): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  const named = { read: 'bytesRead', write: 'bytesWritten', readv: 'bytesRead', writev: 'bytesWritten' } as const;
  for (const [name, operation] of Object.entries<Operation>(SYNC)) {
    if (name in named) {
      const form = withCallback(operation, (args) => [args[1]]);
      const both = async (...args: unknown[]) => ({
        [named[name as keyof typeof named]]: operation(...(args as never[])),
        [name.endsWith('v') ? 'buffers' : 'buffer']: args[1],
      });
      made[name] = Object.assign(form, { [customPromisify]: both });
    } else made[name] = withCallback(operation);
    made[`${name}Sync`] = operation;
  }
  const exists = (path: unknown, done: (there: boolean) => void) => void setImmediate(() => done(existsSync(path)));
  made['exists'] = Object.assign(exists, { [customPromisify]: async (path: unknown) => existsSync(path) });
  for (const form of ['realpath', 'realpathSync']) Object.assign(made[form] as object, { native: made[form] });
  return made;
}

/** Whole files from what comes bit by bit. */
async function writeFile(target: unknown, data: unknown, options?: unknown): Promise<void> {
  const file = target instanceof FileHandle ? target.fd : target;
  const source = data as AsyncIterable<unknown> | undefined;
  if (typeof data === 'string' || ArrayBuffer.isView(data) || !(typeof data === 'object' && data !== null)) {
    return pathOperations.writeFile(file, data, options);
  }
  let flag = optionsOf(options)['flag'] ?? 'w';
  for await (const part of source!) {
    pathOperations.writeFile(file, part, { ...optionsOf(options), flag });
    flag = 'a';
  }
}

function promiseForms() {
  const { open: _open, close: _close, read: _read, write: _write, readv: _readv, writev: _writev, ...others } = SYNC;
  const made: Record<string, unknown> = {};
  for (const [name, operation] of Object.entries(others)) {
    if (!(name in pathOperations) && name !== 'cp' && name !== 'opendir') continue;
    made[name] = withPromise(operation);
  }
  const onHandle = (target: unknown) => (target instanceof FileHandle ? target.fd : target);
  return unsupported('fs/promises', {
    ...made,
    constants,
    open: async (path: unknown, flags?: unknown, mode?: unknown) =>
      new FileHandle(descriptorOperations.open(path, flags ?? 'r', mode)),
    readFile: async (target: unknown, options?: unknown) => pathOperations.readFile(onHandle(target), options),
    appendFile: async (target: unknown, data: unknown, options?: unknown) =>
      pathOperations.appendFile(onHandle(target), data, options),
    writeFile,
  });
}

export const fsPromises = promiseForms();

export const fs = unsupported('fs', {
  ...callbackForms(),
  existsSync,
  promises: fsPromises,
  constants,
  F_OK: constants.F_OK,
  R_OK: constants.R_OK,
  W_OK: constants.W_OK,
  X_OK: constants.X_OK,
  Stats,
  Dirent,
  Dir,
  ReadStream,
  WriteStream,
  FileReadStream: ReadStream,
  FileWriteStream: WriteStream,
  createReadStream: (path: unknown, options?: unknown) => new ReadStream(path, options),
  createWriteStream: (path: unknown, options?: unknown) => new WriteStream(path, options),
  openAsBlob: async (path: unknown, options?: { type?: string }) => new Blob([pathOperations.readFile(path)], options),
});
