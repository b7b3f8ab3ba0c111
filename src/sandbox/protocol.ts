/**
 * The wire between the daemon and a child: one duplex pipe, frames of `u32 length · u8 type · u8 flags · u16 zero · payload`, little endian.
 * The child is not trusted: every frame it sends has a type, a direction and a bound, and anything else ends it.
 * Payloads are opaque to both ends but for the small heads beside them.
 */
import type { EventColumns } from '../columns.ts';

export const HEADER_BYTES = 8;

/** Daemon to child. */
export const INIT = 1;
export const INVOKE = 2;
export const FETCH_DONE = 3;
/** Kinds (one byte each: 1 for a bundle), then as many scripts: compile them, run nothing, answer with their code caches. */
export const COMPILE = 4;
/** Make an isolate and run our own scripts in it, before it is known for which function. */
export const PREPARE = 5;
/** Child to daemon. */
export const READY = 16;
export const INIT_DONE = 17;
export const RESULT = 18;
export const FAILURE = 19;
export const LOG = 20;
export const FETCH = 21;
export const FETCH_CANCEL = 22;
export const OUT_OF_MEMORY = 23;
export const COMPILED = 24;
export const PREPARED = 25;

/** INVOKE: the event is ASCII; INIT: the bundle is. */
export const FLAG_ASCII = 1;
/** FETCH_DONE: the head is an error. */
export const FLAG_ERROR = 1;
/** FAILURE: the child cannot go on and must be replaced. */
export const FLAG_FATAL = 1;
/** FETCH: there is a body (an empty one is not the same as none). */
export const FLAG_BODY = 1;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** Head of PREPARE, as JSON; followed by bootstrap, prelude and their code caches. Nothing of any function. */
export interface PrepareHead {
  /** An isolate's limit is fixed when it is made. */
  readonly memorySizeMb: number;
  /** Nobody waits: there is time for child/rehearsal.ts. */
  readonly rehearse: boolean;
  readonly limits: WireLimits;
}

/** Head of INIT, as JSON; followed by the bundle and its code cache. */
export interface InitHead {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly handlerText: string;
  readonly exportPath: string;
  readonly memorySizeMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly logStreamName: string;
  /** Lines of `console` below it are dropped: 0 trace … 4 error, 5 all. */
  readonly logLevelMin: number;
}

/** Bounds that the isolate keeps itself; the daemon keeps them again. */
export interface WireLimits {
  readonly resultBytes: number;
  readonly logLineBytes: number;
  readonly logLines: number;
  readonly logBytes: number;
  readonly fetches: number;
  /** In all, of one invocation: count, and bytes of heads and bodies. */
  readonly fetchesInAll: number;
  readonly fetchBytesInAll: number;
  /** Of those on their way. */
  readonly fetchBytesInFlight: number;
  readonly fetchHeadBytes: number;
  readonly fetchBodyBytes: number;
  readonly errorTextBytes: number;
  readonly zlibBytes: number;
  readonly scratchBytes: number;
}

/** Head of INVOKE, as JSON. */
export interface InvokeHead {
  readonly requestId: string;
  /** What getRemainingTimeInMillis counts down to, by `machineMs`: a wall clock may be set meanwhile. */
  readonly deadlineMs: number;
  /** How the event is to be put together; null: it is whole. */
  readonly columns: EventColumns | null;
  readonly millrace?: unknown;
}

const EMPTY = Buffer.alloc(0);

/** Milliseconds of the one clock that all processes of this machine share and that is never set. */
export function machineMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/**
 * A bundle is CommonJS text, the body of a function, and is kept and sent with what makes it one. What comes before it moves its
 * first line: a column offset puts that right.
 */
export const BUNDLE_OPENING = '(function (exports, require, module, __filename, __dirname) {';
export const BUNDLE_CLOSING = '\n})';

export class ProtocolError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'ProtocolError';
  }
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

export function frameHeader(type: number, flags: number, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(payloadBytes, 0);
  header[4] = type;
  header[5] = flags;
  header[6] = 0;
  header[7] = 0;
  return header;
}

/** `u32 length · bytes`, for each part: as pieces that are written one after the other. */
export function packedParts(parts: readonly Buffer[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (const part of parts) {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(part.length, 0);
    chunks.push(length, part);
  }
  return chunks;
}

/** The same as one. */
export function packParts(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(packedParts(parts));
}

/** Exactly `count` parts (or as many as there are) and nothing after them, or a ProtocolError. */
export function unpackParts(payload: Buffer, count?: number): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  while (count === undefined ? at < payload.length : parts.length < count) {
    if (at + 4 > payload.length) throw new ProtocolError('a part is missing');
    const length = payload.readUInt32LE(at);
    at += 4;
    if (at + length > payload.length) throw new ProtocolError('a part is cut');
    parts.push(payload.subarray(at, at + length));
    at += length;
  }
  if (at !== payload.length) throw new ProtocolError('bytes after the last part');
  return parts;
}

/**
 * Cuts a byte stream into frames. `maxBytes(type)` is the bound of each type's payload, undefined for a type that may not come.
 * A frame's payload is valid until the next call (it may point into the pushed chunk).
 */
export class FrameReader {
  readonly #maxBytes: (type: number) => number | undefined;
  /** A frame that has not arrived completely: its first `#have` bytes. Grows with what comes, never with what is announced. */
  #held: Buffer = EMPTY;
  #have = 0;

  constructor(maxBytes: (type: number) => number | undefined) {
    this.#maxBytes = maxBytes;
  }

  /** Throws ProtocolError; the stream is then useless. */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    let at = 0;
    while (this.#have > 0 && at < chunk.length) {
      if (this.#have < HEADER_BYTES) {
        at = this.#hold(chunk, at, HEADER_BYTES);
        if (this.#have < HEADER_BYTES) return;
      }
      const need = HEADER_BYTES + this.#lengthAt(this.#held, 0);
      at = this.#hold(chunk, at, need);
      if (this.#have < need) return;
      const frame = frameAt(this.#held, 0, need);
      this.#have = 0;
      this.#held = EMPTY;
      onFrame(frame);
    }
    while (chunk.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#lengthAt(chunk, at);
      if (end > chunk.length) break;
      onFrame(frameAt(chunk, at, end));
      at = end;
    }
    if (at < chunk.length) this.#hold(chunk, at, chunk.length - at);
  }

  /** Copies up to `need` bytes of the frame in all; answers where the chunk goes on. */
  #hold(chunk: Buffer, from: number, need: number): number {
    const to = Math.min(chunk.length, from + need - this.#have);
    const have = this.#have + to - from;
    if (have > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(have, 2 * this.#held.length), Math.max(need, have)));
      this.#held.copy(grown, 0, 0, this.#have);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#have, from, to);
    this.#have = have;
    return to;
  }

  #lengthAt(data: Buffer, at: number): number {
    const length = data.readUInt32LE(at);
    const type = data[at + 4]!;
    const bound = this.#maxBytes(type);
    if (bound === undefined) throw new ProtocolError(`frame type ${type} is not expected`);
    if (length > bound) throw new ProtocolError(`frame type ${type} has ${length} bytes, at most ${bound} are allowed`);
    if (data[at + 6] !== 0 || data[at + 7] !== 0) throw new ProtocolError('reserved bytes are set');
    return length;
  }
}

function frameAt(data: Buffer, from: number, to: number): Frame {
  return { type: data[from + 4]!, flags: data[from + 5]!, payload: data.subarray(from + HEADER_BYTES, to) };
}
