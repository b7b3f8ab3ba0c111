/** Between the streams of Node and those of the web (Readable.toWeb, Readable.fromWeb). */
import type * as NodeStream from 'node:stream';

const { finished } = require('readable-stream/lib/stream.js') as typeof NodeStream;

interface WebOptions {
  readonly strategy?: QueuingStrategy;
}

function bytesOf(chunk: unknown): unknown {
  // A copy: a Buffer may be a view on the pool, and who reads the stream may transfer it.
  return chunk instanceof Uint8Array ? new Uint8Array(chunk) : chunk;
}

export function readableToWeb(readable: NodeStream.Readable, options: WebOptions = {}): ReadableStream {
  let controller!: ReadableStreamDefaultController;
  let cancelled = false;
  readable.pause();
  const forget = finished(readable, (error) => {
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

export function readableFromWeb(
  Readable: typeof NodeStream.Readable,
  source: ReadableStream,
  options: NodeStream.ReadableOptions = {},
): NodeStream.Readable {
  if (!(source instanceof ReadableStream)) {
    const error = new TypeError('The "readableStream" argument must be an instance of ReadableStream.');
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
  }
  const reader = source.getReader();
  let closed = false;
  const readable = new Readable({
    ...options,
    read() {
      reader.read().then(
        ({ done, value }) => readable.push(done ? null : value),
        (error: unknown) => readable.destroy(error as Error),
      );
    },
    destroy(error, done) {
      if (closed) return done(error);
      const finish = () => process.nextTick(done, error);
      reader.cancel(error).then(finish, finish);
    },
  });
  reader.closed.then(
    () => (closed = true),
    (error: unknown) => {
      closed = true;
      readable.destroy(error as Error);
    },
  );
  return readable;
}
