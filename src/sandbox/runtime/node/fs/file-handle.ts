/** FileHandle and Dir: open files and directories as objects. */
import { invalidArgument, nodeError } from '../../errors.ts';
import { EventEmitter } from '../events.ts';
import { optionsOf, pathOf } from './arguments.ts';
import { closeSync, descriptorOperations as onFd } from './descriptors.ts';
import { attempt } from './fs-error.ts';
import type { Dirent } from './stats.ts';
import { ReadStream, WriteStream } from './streams.ts';
import { pathOperations, readEntries } from './tree.ts';

const READ_BYTES = 16_384;

export class FileHandle extends EventEmitter {
  #fd: number;
  constructor(fd: number) {
    super();
    this.#fd = fd;
  }
  get fd(): number {
    return this.#fd;
  }
  get #open(): number {
    if (this.#fd < 0) throw nodeError(Error, 'EBADF', 'file closed');
    return this.#fd;
  }
  async close(): Promise<void> {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
    this.emit('close');
  }
  async read(buffer?: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<object> {
    let target = buffer;
    if (!ArrayBuffer.isView(target)) {
      const options = optionsOf(buffer);
      target = options['buffer'] ?? Buffer.alloc(READ_BYTES);
      ({ offset, length, position } = options as { offset?: unknown; length?: unknown; position?: unknown });
    }
    return { bytesRead: onFd.read(this.#open, target, offset, length, position), buffer: target };
  }
  async write(data: unknown, ...rest: unknown[]): Promise<object> {
    return { bytesWritten: onFd.write(this.#open, data, ...rest), buffer: data };
  }
  async readv(buffers: ArrayBufferView[], position?: number): Promise<object> {
    return { bytesRead: onFd.readv(this.#open, buffers, position), buffers };
  }
  async writev(buffers: ArrayBufferView[], position?: number): Promise<object> {
    return { bytesWritten: onFd.writev(this.#open, buffers, position), buffers };
  }
  async readFile(options?: unknown): Promise<Uint8Array | string> {
    return pathOperations.readFile(this.#open, options);
  }
  async writeFile(data: unknown, options?: unknown): Promise<void> {
    pathOperations.writeFile(this.#open, data, options);
  }
  async appendFile(data: unknown, options?: unknown): Promise<void> {
    pathOperations.writeFile(this.#open, data, options);
  }
  async stat(options?: Record<string, unknown>): Promise<unknown> {
    return onFd.fstat(this.#open, options);
  }
  async truncate(length?: number): Promise<void> {
    onFd.ftruncate(this.#open, length);
  }
  async utimes(atime: unknown, mtime: unknown): Promise<void> {
    onFd.futimes(this.#open, atime, mtime);
  }
  async chmod(mode: unknown): Promise<void> {
    onFd.fchmod(this.#open, mode);
  }
  async chown(): Promise<void> {
    onFd.fchown(this.#open);
  }
  async sync(): Promise<void> {
    onFd.fsync(this.#open);
  }
  async datasync(): Promise<void> {
    onFd.fdatasync(this.#open);
  }
  createReadStream(options?: object): object {
    return this.#closing(new ReadStream('', { ...options, fd: this.#open }));
  }
  createWriteStream(options?: object): object {
    return this.#closing(new WriteStream('', { ...options, fd: this.#open }));
  }
  /** The stream closes the descriptor; the handle is then closed too. */
  #closing<T extends InstanceType<typeof ReadStream> | InstanceType<typeof WriteStream>>(made: T): T {
    made.once('close', () => {
      if (made.autoClose) this.#fd = -1;
    });
    return made;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export class Dir {
  readonly path: string;
  readonly #entries: Dirent[];
  #next = 0;
  constructor(path: unknown, options?: unknown) {
    const { given, full } = pathOf(path);
    this.path = given;
    this.#entries = attempt('opendir', given, () =>
      readEntries(full, given, { ...optionsOf(options), withFileTypes: true }),
    ) as Dirent[];
  }
  readSync(): Dirent | null {
    return this.#entries[this.#next++] ?? null;
  }
  read(done?: (error: null, entry: Dirent | null) => void): Promise<Dirent | null> | undefined {
    const entry = this.readSync();
    if (done === undefined) return Promise.resolve(entry);
    if (typeof done !== 'function') throw invalidArgument('callback', 'of type function', done);
    setImmediate(() => done(null, entry));
    return undefined;
  }
  closeSync(): void {}
  close(done?: (error: null) => void): Promise<void> | undefined {
    if (done === undefined) return Promise.resolve();
    setImmediate(() => done(null));
    return undefined;
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<Dirent> {
    for (let entry = this.readSync(); entry !== null; entry = this.readSync()) yield entry;
  }
  async [Symbol.asyncDispose](): Promise<void> {}
  [Symbol.dispose](): void {}
}
