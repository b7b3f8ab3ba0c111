/**
 * The child's end of the pipe. Reading and writing block: an invocation that awaits nothing, or nothing but answers of the daemon, never
 * touches the event loop (an asynchronous crossing costs about 90 µs more). Only while a timer runs is the next read left to libuv.
 * One buffer is read into and one is written from for the life of the child: a fresh one per read costs 25 µs in page faults.
 */
import { read, readSync, writeSync } from 'node:fs';
import { type Frame, HEADER_BYTES } from '../protocol.ts';

const BUFFER_BYTES = 256 * 1024;
/** A buffer that one large event made grow is given up again above this. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** Copying one of that size is cheaper than a second write, which may wake the daemon once more. */
const SMALL_FRAME_BYTES = 16 * 1024;

export class Channel {
  readonly #fd: number;
  #in = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #start = 0;
  #end = 0;
  readonly #out = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #reading = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The next frame if it has arrived completely; its payload is valid until the next read. */
  take(): Frame | undefined {
    const have = this.#end - this.#start;
    if (have < HEADER_BYTES) return undefined;
    const at = this.#start;
    const length = this.#in.readUInt32LE(at);
    if (have < HEADER_BYTES + length) return undefined;
    this.#start = at + HEADER_BYTES + length;
    return {
      type: this.#in[at + 4]!,
      flags: this.#in[at + 5]!,
      payload: this.#in.subarray(at + HEADER_BYTES, this.#start),
    };
  }

  /** Blocks for the next frame; undefined at the end of the pipe. Not while an asynchronous read is under way. */
  wait(): Frame | undefined {
    for (;;) {
      const frame = this.take();
      if (frame !== undefined) return frame;
      this.#makeRoom();
      const got = readSync(this.#fd, this.#in, this.#end, this.#in.length - this.#end, null);
      if (got === 0) return undefined;
      this.#end += got;
    }
  }

  get reading(): boolean {
    return this.#reading;
  }

  /** One read on libuv's thread pool; `done` with false at the end of the pipe. Nothing may be left to `take`. */
  readLater(done: (open: boolean) => void): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#makeRoom();
    read(this.#fd, this.#in, this.#end, this.#in.length - this.#end, null, (error, got) => {
      this.#reading = false;
      if (error !== null || got === 0) return done(false);
      this.#end += got;
      done(true);
    });
  }

  /** `number`, where there is one, goes before the text. */
  sendText(type: number, flags: number, number: number | null, text: string): void {
    const head = number === null ? 0 : 4;
    if (HEADER_BYTES + head + text.length * 3 > BUFFER_BYTES)
      return this.send(type, flags, number, Buffer.from(text, 'utf8'));
    const bytes = head + this.#out.write(text, HEADER_BYTES + head, 'utf8');
    this.#header(type, flags, bytes, number);
    this.#write(this.#out, HEADER_BYTES + bytes);
  }

  send(type: number, flags: number, number: number | null, body: Buffer): void {
    const head = number === null ? 0 : 4;
    this.#header(type, flags, head + body.length, number);
    if (body.length <= SMALL_FRAME_BYTES) {
      body.copy(this.#out, HEADER_BYTES + head);
      return this.#write(this.#out, HEADER_BYTES + head + body.length);
    }
    this.#write(this.#out, HEADER_BYTES + head);
    this.#write(body, body.length);
  }

  #header(type: number, flags: number, bytes: number, number: number | null): void {
    const out = this.#out;
    out.writeUInt32LE(bytes, 0);
    out[4] = type;
    out[5] = flags;
    out[6] = 0;
    out[7] = 0;
    if (number !== null) out.writeUInt32LE(number >>> 0, HEADER_BYTES);
  }

  #write(from: Buffer, bytes: number): void {
    for (let at = 0; at < bytes;) at += writeSync(this.#fd, from, at, bytes - at);
  }

  /** What is left moves to the front, into a larger buffer where the frame needs it. */
  #makeRoom(): void {
    const left = this.#end - this.#start;
    const need = left >= HEADER_BYTES ? HEADER_BYTES + this.#in.readUInt32LE(this.#start) : HEADER_BYTES;
    const size = need > BUFFER_BYTES ? need : BUFFER_BYTES;
    const keeps = this.#in.length >= need && (this.#in.length <= KEPT_BYTES || left > 0);
    if (keeps && this.#start === 0) return;
    const target = keeps ? this.#in : Buffer.allocUnsafeSlow(size);
    this.#in.copy(target, 0, this.#start, this.#end);
    this.#in = target;
    this.#start = 0;
    this.#end = left;
  }
}
