/**
 * The wire between the daemon and a child: one duplex pipe, frames of `u32 length · u8 type · u8 flags · u16 zero · payload`, little endian.
 * The child is not trusted: every frame it sends has a type, a direction and a bound, and anything else ends it.
 * Payloads are opaque to both ends but for the small heads beside them.
 */
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
}

/** Bounds that the isolate keeps itself; the daemon keeps them again. */
export interface WireLimits {
  readonly resultBytes: number;
  readonly logLineBytes: number;
  readonly logLines: number;
  readonly logBytes: number;
  readonly fetches: number;
  readonly fetchHeadBytes: number;
  readonly fetchBodyBytes: number;
  readonly errorTextBytes: number;
  readonly zlibBytes: number;
}

/** Head of INVOKE, as JSON. */
export interface InvokeHead {
  readonly requestId: string;
  /** Wall clock, ms: what getRemainingTimeInMillis counts down to. The daemon's own clock decides. */
  readonly deadlineMs: number;
  readonly millrace?: unknown;
}

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
  #rest: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #have = 0;
  #need = HEADER_BYTES;

  constructor(maxBytes: (type: number) => number | undefined) {
    this.#maxBytes = maxBytes;
  }

  /** Throws ProtocolError; the stream is then useless. */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    if (this.#have > 0) {
      this.#parts.push(chunk);
      this.#have += chunk.length;
      if (this.#have < this.#need) return;
      this.#rest = Buffer.concat(this.#parts, this.#have);
      this.#parts = [];
      this.#have = 0;
    } else this.#rest = chunk;
    let at = 0;
    const data = this.#rest;
    for (;;) {
      if (data.length - at < HEADER_BYTES) {
        this.#need = HEADER_BYTES;
        break;
      }
      const length = data.readUInt32LE(at);
      const type = data[at + 4]!;
      const bound = this.#maxBytes(type);
      if (bound === undefined) throw new ProtocolError(`frame type ${type} is not expected`);
      if (length > bound)
        throw new ProtocolError(`frame type ${type} has ${length} bytes, at most ${bound} are allowed`);
      if (data[at + 6] !== 0 || data[at + 7] !== 0) throw new ProtocolError('reserved bytes are set');
      const end = at + HEADER_BYTES + length;
      if (end > data.length) {
        this.#need = HEADER_BYTES + length;
        break;
      }
      onFrame({ type, flags: data[at + 5]!, payload: data.subarray(at + HEADER_BYTES, end) });
      at = end;
    }
    if (at < data.length) {
      const rest = data.subarray(at);
      this.#parts = [rest];
      this.#have = rest.length;
    }
    this.#rest = Buffer.alloc(0);
  }
}
