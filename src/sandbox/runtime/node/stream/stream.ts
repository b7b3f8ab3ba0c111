/** node:stream: readable-stream, which is Node's streams as a package, with what it leaves to the platform. */
import type * as NodeStream from 'node:stream';
import {
  duplexFromWeb,
  duplexToWeb,
  readableFromWeb,
  readableToWeb,
  writableFromWeb,
  writableToWeb,
} from './web-adapters.ts';

const { Readable, Writable, Duplex } = library();

function library(): typeof NodeStream {
  return require('readable-stream/lib/stream.js') as typeof NodeStream;
}

/** Node's figure since 22; the package has the older one. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;

function addPair(stream: Record<string, unknown>): void {
  class Side extends Duplex {
    other: Side | null = null;
    written: ((error?: Error | null) => void) | null = null;
    override _read(): void {
      const { written } = this;
      this.written = null;
      written?.();
    }
    override _write(chunk: unknown, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
      if ((chunk as Uint8Array).length === 0) return void process.nextTick(done);
      this.other!.written = done;
      this.other!.push(chunk);
    }
    override _final(done: (error?: Error | null) => void): void {
      this.other!.once('end', done);
      this.other!.push(null);
    }
  }
  stream['duplexPair'] = (options?: NodeStream.DuplexOptions) => {
    const [a, b] = [new Side(options), new Side(options)];
    a.other = b;
    b.other = a;
    return [a, b];
  };
}

function complete(): unknown {
  const stream = library() as unknown as Record<string, unknown> & typeof NodeStream;
  stream.setDefaultHighWaterMark(false, HIGH_WATER_MARK_BYTES);
  stream['_isArrayBufferView'] = ArrayBuffer.isView;
  addPair(stream);
  Object.assign(Readable, { toWeb: readableToWeb, fromWeb: readableFromWeb });
  Object.assign(Writable, { toWeb: writableToWeb, fromWeb: writableFromWeb });
  Object.assign(Duplex, { toWeb: duplexToWeb, fromWeb: duplexFromWeb });
  const dispose = function (this: NodeStream.Writable): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' });
      const reason = this.writableFinished ? undefined : aborted;
      stream.finished(this, (error) => (error && error !== reason ? reject(error) : resolve()));
      this.destroy(reason);
    });
  };
  Object.defineProperty(Writable.prototype, Symbol.asyncDispose, {
    value: dispose,
    writable: true,
    configurable: true,
  });
  return stream;
}

export const stream = complete();
export const streamPromises = (stream as { promises: unknown }).promises;
