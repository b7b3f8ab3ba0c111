/** Between the streams of Node and those of the web: toWeb and fromWeb of each class. */
import type * as NodeStream from 'node:stream';

const { finished, Readable, Writable, Duplex } = require('readable-stream/lib/stream.js') as typeof NodeStream;

interface WebOptions {
  readonly strategy?: QueuingStrategy;
}
type Done = (error?: Error | null) => void;

function bytesOf(chunk: unknown): unknown {
  // A copy: a Buffer may be a view on the pool, and who reads the stream may transfer it.
  return chunk instanceof Uint8Array ? new Uint8Array(chunk) : chunk;
}

function check(value: unknown, Class: new (...args: never[]) => object, name: string): void {
  if (value instanceof Class) return;
  const error = new TypeError(`The "${name}" argument must be an instance of ${Class.name}.`);
  throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

export function readableToWeb(readable: NodeStream.Readable, options: WebOptions = {}): ReadableStream {
  let controller!: ReadableStreamDefaultController;
  let cancelled = false;
  const forget = finished(readable, { writable: false }, (error) => {
    forget();
    readable.on('error', () => undefined);
    if (cancelled) return;
    if (error) controller.error(error);
    else controller.close();
  });
  readable.on('data', (chunk: unknown) => {
    controller.enqueue(readable.readableObjectMode ? chunk : bytesOf(chunk));
    if ((controller.desiredSize ?? 0) <= 0) readable.pause();
  });
  readable.pause();
  const strategy = options.strategy ?? {
    highWaterMark: readable.readableObjectMode ? readable.readableHighWaterMark : 1,
  };
  return new ReadableStream(
    {
      start(made) {
        controller = made;
      },
      pull() {
        readable.resume();
      },
      cancel(reason) {
        cancelled = true;
        readable.destroy(reason as Error | undefined);
      },
    },
    strategy,
  );
}

/** What a Node stream needs of a web stream that it reads. */
function readingFrom(source: ReadableStream) {
  const reader = source.getReader();
  let closed = false;
  return {
    watch(readable: NodeStream.Readable): void {
      reader.closed.then(
        () => (closed = true),
        (error: unknown) => {
          closed = true;
          readable.destroy(error as Error);
        },
      );
    },
    read(this: NodeStream.Readable): void {
      reader.read().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: unknown) => this.destroy(error as Error),
      );
    },
    end(error: Error | null, done: Done): void {
      if (closed) return done(error);
      const finish = () => process.nextTick(done, error);
      reader.cancel(error).then(finish, finish);
    },
  };
}

export function readableFromWeb(source: ReadableStream, options: NodeStream.ReadableOptions = {}): NodeStream.Readable {
  check(source, ReadableStream, 'readableStream');
  const from = readingFrom(source);
  const readable = new Readable({ ...options, read: from.read, destroy: (error, done) => from.end(error, done) });
  from.watch(readable);
  return readable;
}

export function writableToWeb(writable: NodeStream.Writable): WritableStream {
  let controller!: WritableStreamDefaultController;
  let drained: (() => void) | null = null;
  let ended: { resolve(): void; reject(reason: unknown): void } | null = null;
  const forget = finished(writable, { readable: false }, (error) => {
    forget();
    writable.on('error', () => undefined);
    if (error) {
      ended?.reject(error);
      controller.error(error);
    } else ended?.resolve();
    drained?.();
  });
  writable.on('drain', () => drained?.());
  return new WritableStream(
    {
      start(made) {
        controller = made;
      },
      write(chunk) {
        if (writable.write(chunk)) return undefined;
        return new Promise<void>((resolve) => {
          drained = resolve;
        });
      },
      abort(reason) {
        writable.destroy(reason as Error | undefined);
      },
      close() {
        if (writable.destroyed) return undefined;
        return new Promise<void>((resolve, reject) => {
          ended = { resolve, reject };
          writable.end();
        });
      },
    },
    { highWaterMark: writable.writableHighWaterMark },
  );
}

/** What a Node stream needs of a web stream that it writes. */
function writingTo(target: WritableStream) {
  const writer = target.getWriter();
  let closed = false;
  const settle = (promise: Promise<void>, done: Done) => {
    promise.then(
      () => process.nextTick(done),
      (error: unknown) => process.nextTick(done, error as Error),
    );
  };
  return {
    watch(writable: NodeStream.Writable): void {
      writer.closed.then(
        () => (closed = true),
        (error: unknown) => {
          closed = true;
          writable.destroy(error as Error);
        },
      );
    },
    write: (chunk: unknown, done: Done) =>
      settle(
        writer.ready.then(() => writer.write(chunk)),
        done,
      ),
    final: (done: Done) => settle(closed ? Promise.resolve() : writer.close(), done),
    end(error: Error | null, done: Done): void {
      if (closed) return done(error);
      const finish = () => process.nextTick(done, error);
      (error === null ? writer.close() : writer.abort(error)).then(finish, finish);
    },
  };
}

export function writableFromWeb(target: WritableStream, options: NodeStream.WritableOptions = {}): NodeStream.Writable {
  check(target, WritableStream, 'writableStream');
  const to = writingTo(target);
  const writable = new Writable({
    ...options,
    write: (chunk, _encoding, done) => to.write(chunk, done),
    final: (done) => to.final(done),
    destroy: (error, done) => to.end(error, done),
  });
  to.watch(writable);
  return writable;
}

interface Pair {
  readonly readable: ReadableStream;
  readonly writable: WritableStream;
}

export function duplexToWeb(duplex: NodeStream.Duplex): Pair {
  return { readable: readableToWeb(duplex), writable: writableToWeb(duplex) };
}

export function duplexFromWeb(pair: Pair, options: NodeStream.DuplexOptions = {}): NodeStream.Duplex {
  check(pair.readable, ReadableStream, 'pair.readable');
  check(pair.writable, WritableStream, 'pair.writable');
  const [from, to] = [readingFrom(pair.readable), writingTo(pair.writable)];
  const duplex = new Duplex({
    ...options,
    read: from.read,
    write: (chunk, _encoding, done) => to.write(chunk, done),
    final: (done) => to.final(done),
    destroy: (error, done) => from.end(error, () => to.end(error, done)),
  });
  from.watch(duplex);
  to.watch(duplex);
  return duplex;
}
