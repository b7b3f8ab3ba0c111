/** The streams of node:zlib. What goes in is collected, coded as a whole at its end, and handed on in pieces. */
import type * as NodeStream from 'node:stream';
import type { ZlibFormat } from '../../hooks.ts';
import { callable } from '../callable-class.ts';
import { stream } from '../stream/stream.ts';
import { bytesOf, runZlib, type ZlibOptions } from './coder.ts';

const { Transform } = stream as typeof NodeStream;
const CHUNK_BYTES = 16 * 1024;

type StreamOptions = ZlibOptions & NodeStream.TransformOptions;
type CoderClass = (new (options?: StreamOptions) => NodeStream.Transform) & { prototype: object };

function makeClass(format: ZlibFormat): CoderClass {
  return class extends Transform {
    bytesWritten = 0;
    readonly #options: StreamOptions;
    #chunks: Uint8Array[] = [];

    constructor(options: StreamOptions = {}) {
      super({ ...options, decodeStrings: true, writableObjectMode: false, readableObjectMode: false });
      this.#options = options ?? {};
    }
    override _transform(chunk: unknown, _encoding: BufferEncoding, done: NodeStream.TransformCallback): void {
      const bytes = bytesOf(chunk);
      this.bytesWritten += bytes.length;
      // Its own memory: who wrote it may use its buffer again.
      this.#chunks.push(new Uint8Array(bytes));
      done();
    }
    override _flush(done: NodeStream.TransformCallback): void {
      const input = new Uint8Array(this.bytesWritten);
      let at = 0;
      for (const chunk of this.#chunks) {
        input.set(chunk, at);
        at += chunk.length;
      }
      this.#chunks = [];
      let output: Uint8Array;
      try {
        output = runZlib(format, input, this.#options);
      } catch (error) {
        return done(error as Error);
      }
      const size = this.#options.chunkSize ?? CHUNK_BYTES;
      for (let from = 0; from < output.length; from += size) this.push(output.subarray(from, from + size));
      done();
    }
    get _closed(): boolean {
      return this.destroyed;
    }
    /** Everything is flushed at the end. */
    flush(kind?: number | (() => void), done?: () => void): void {
      const callback = typeof kind === 'function' ? kind : done;
      if (callback !== undefined) process.nextTick(callback);
    }
    reset(): void {
      this.#chunks = [];
      this.bytesWritten = 0;
    }
    close(done?: (error?: Error | null) => void): void {
      if (done !== undefined) whenClosed(this, () => done());
      this.destroy();
    }
  };
}

function whenClosed(of: NodeStream.Transform, done: () => void): void {
  if (of.closed) process.nextTick(done);
  else of.once('close', done);
}

export function coderClass(name: string, format: ZlibFormat): CoderClass {
  return callable(makeClass(format), name);
}
