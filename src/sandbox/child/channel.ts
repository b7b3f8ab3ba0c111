/**
 * The child's end of the pipe. Reading and writing block: an invocation that awaits nothing real never touches the event loop
 * (an asynchronous crossing costs about 90 µs more). Only while one is pending is the next read left to libuv.
 */
import { read, readSync, writeSync } from 'node:fs';
import { type Frame, FrameReader, frameHeader } from '../protocol.ts';

const READ_BYTES = 256 * 1024;

export class Channel {
  readonly #fd: number;
  readonly #reader: FrameReader;
  readonly #queue: Frame[] = [];
  #reading = false;

  constructor(fd: number, maxBytes: (type: number) => number | undefined) {
    this.#fd = fd;
    this.#reader = new FrameReader(maxBytes);
  }

  /** The next frame if one has arrived completely. */
  take(): Frame | undefined {
    return this.#queue.shift();
  }

  /** Blocks for the next frame; undefined at the end of the pipe. Not while an asynchronous read is under way. */
  wait(): Frame | undefined {
    while (this.#queue.length === 0) {
      // A fresh buffer each time: frames point into it.
      const chunk = Buffer.allocUnsafeSlow(READ_BYTES);
      const got = readSync(this.#fd, chunk, 0, READ_BYTES, null);
      if (got === 0) return undefined;
      this.#accept(chunk.subarray(0, got));
    }
    return this.#queue.shift();
  }

  get reading(): boolean {
    return this.#reading;
  }

  /** One read on libuv's thread pool; `done` with false at the end of the pipe. */
  readLater(done: (open: boolean) => void): void {
    if (this.#reading) return;
    this.#reading = true;
    const chunk = Buffer.allocUnsafeSlow(READ_BYTES);
    read(this.#fd, chunk, 0, READ_BYTES, null, (error, got) => {
      this.#reading = false;
      if (error !== null || got === 0) return done(false);
      this.#accept(chunk.subarray(0, got));
      done(true);
    });
  }

  send(type: number, flags: number, ...parts: Buffer[]): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    const all = Buffer.concat([frameHeader(type, flags, bytes), ...parts]);
    for (let at = 0; at < all.length; ) at += writeSync(this.#fd, all, at, all.length - at);
  }

  #accept(chunk: Buffer): void {
    this.#reader.push(chunk, (frame) => this.#queue.push(frame));
  }
}
