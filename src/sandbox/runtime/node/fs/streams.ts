/** createReadStream and createWriteStream. */
import type * as NodeStream from 'node:stream';
import { makeBuffer } from '../../buffer.ts';
import { callable } from '../callable-class.ts';
import { stream } from '../stream/stream.ts';
import { optionsOf, pathOf } from './arguments.ts';
import { closeSync, openSync, readSync, writeSync } from './descriptors.ts';

const { Readable, Writable } = stream as typeof NodeStream;
const CHUNK_BYTES = 64 * 1024;
type Done = (error?: Error | null) => void;

interface FileOptions {
  flags?: string;
  mode?: number;
  fd?: number | { fd: number } | null;
  autoClose?: boolean;
  start?: number;
  end?: number;
  [other: string]: unknown;
}

function numberOf(fd: FileOptions['fd']): number | null {
  if (fd === undefined || fd === null) return null;
  return typeof fd === 'object' ? fd.fd : fd;
}

function openFor(
  self: { fd: number | null; emit(name: string, ...args: unknown[]): boolean },
  path: unknown,
  options: FileOptions,
  flags: string,
  done: Done,
): void {
  if (self.fd !== null) return done();
  try {
    self.fd = openSync(path, options.flags ?? flags, options.mode);
  } catch (error) {
    return done(error as Error);
  }
  done();
  self.emit('open', self.fd);
  self.emit('ready');
}

function closeFor(self: { fd: number | null }, autoClose: boolean, error: Error | null, done: Done): void {
  const { fd } = self;
  self.fd = null;
  try {
    if (fd !== null && autoClose) closeSync(fd);
  } catch (failure) {
    return done(error ?? (failure as Error));
  }
  done(error);
}

class FileReadStream extends Readable {
  fd: number | null;
  readonly path: unknown;
  readonly flags: string;
  readonly mode: number;
  readonly start: number | undefined;
  readonly end: number;
  bytesRead = 0;
  readonly autoClose: boolean;
  readonly #options: FileOptions;
  #at: number | undefined;

  constructor(path: unknown, given?: unknown) {
    const options = optionsOf(given) as FileOptions;
    super({ highWaterMark: CHUNK_BYTES, ...options, autoDestroy: options.autoClose ?? true });
    this.fd = numberOf(options.fd);
    this.path = this.fd === null ? (pathOf(path), path) : path;
    this.#options = options;
    this.flags = options.flags ?? 'r';
    this.mode = options.mode ?? 0o666;
    this.start = this.#at = options.start;
    this.end = options.end ?? Infinity;
    this.autoClose = options.autoClose ?? true;
  }
  get pending(): boolean {
    return this.fd === null;
  }
  override _construct(done: Done): void {
    process.nextTick(() => openFor(this, this.path, this.#options, 'r', done));
  }
  override _read(size: number): void {
    // Later, as from a disk: what comes within the call would be joined with what is there.
    process.nextTick(() => {
      if (!this.destroyed) this.#readSome(size);
    });
  }
  #readSome(size: number): void {
    const left = this.end - (this.start ?? 0) + 1 - this.bytesRead;
    const count = Math.min(size, left);
    if (count <= 0) return void this.push(null);
    const chunk = new Uint8Array(count);
    let read: number;
    try {
      read = readSync(this.fd, chunk, 0, count, this.#at ?? null);
    } catch (error) {
      return void this.destroy(error as Error);
    }
    if (this.#at !== undefined) this.#at += read;
    this.bytesRead += read;
    this.push(read === 0 ? null : makeBuffer(chunk.buffer, 0, read));
  }
  override _destroy(error: Error | null, done: Done): void {
    closeFor(this, this.autoClose, error, done);
  }
  close(done?: () => void): void {
    if (done !== undefined) this.once('close', done);
    this.destroy();
  }
}

class FileWriteStream extends Writable {
  fd: number | null;
  readonly path: unknown;
  readonly flags: string;
  readonly mode: number;
  bytesWritten = 0;
  readonly autoClose: boolean;
  readonly #options: FileOptions;
  #at: number | undefined;

  constructor(path: unknown, given?: unknown) {
    const options = optionsOf(given) as FileOptions;
    super({ ...options, decodeStrings: true, autoDestroy: options.autoClose ?? true });
    this.fd = numberOf(options.fd);
    this.path = this.fd === null ? (pathOf(path), path) : path;
    this.#options = options;
    this.flags = options.flags ?? 'w';
    this.mode = options.mode ?? 0o666;
    this.#at = options.start;
    this.autoClose = options.autoClose ?? true;
    if (options['encoding'] !== undefined && options['encoding'] !== null)
      this.setDefaultEncoding(options['encoding'] as BufferEncoding);
  }
  get pending(): boolean {
    return this.fd === null;
  }
  override _construct(done: Done): void {
    const flags = this.#at === undefined ? 'w' : 'r+';
    process.nextTick(() => openFor(this, this.path, this.#options, flags, done));
  }
  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: Done): void {
    try {
      const written = writeSync(this.fd, chunk, 0, chunk.length, this.#at ?? null);
      if (this.#at !== undefined) this.#at += written;
      this.bytesWritten += written;
    } catch (error) {
      return done(error as Error);
    }
    done();
  }
  override _destroy(error: Error | null, done: Done): void {
    closeFor(this, this.autoClose, error, done);
  }
  close(done?: (error?: Error) => void): void {
    if (done !== undefined) this.once('close', done);
    this.end();
    if (!this.autoClose) this.on('finish', () => this.destroy());
  }
  destroySoon(): void {
    this.end();
  }
}

export const ReadStream = callable(FileReadStream, 'ReadStream');
export const WriteStream = callable(FileWriteStream, 'WriteStream');
