/** The streams of the web, by web-streams-polyfill, the standard's own algorithms. Loaded when they are first needed: most bodies never are a stream. */
import type * as Library from 'web-streams-polyfill';

let loaded: typeof Library | null = null;

export function webStreams(): typeof Library {
  return (loaded ??= require('web-streams-polyfill') as typeof Library);
}

/** Nothing is one before there are any. */
export function isReadableStream(value: unknown): value is ReadableStream {
  return loaded !== null && value instanceof loaded.ReadableStream;
}

/** Read from, or cancelled: the standard's own mark, which the package keeps in the object. */
export function isDisturbed(stream: ReadableStream): boolean {
  return (stream as unknown as { _disturbed: boolean })._disturbed;
}

export function streamOf(items: Iterable<unknown> | AsyncIterable<unknown>): ReadableStream {
  const { ReadableStream: Class } = webStreams();
  return Class.from(items as AsyncIterable<unknown>) as unknown as ReadableStream;
}

/** A stream of bytes that are there already; as the bodies of fetch, one that can be read into a buffer. */
export function byteStream(bytes: Uint8Array): ReadableStream {
  const { ReadableStream: Class } = webStreams();
  return new Class({
    type: 'bytes',
    pull(controller) {
      if (bytes.length > 0) controller.enqueue(bytes.slice());
      controller.close();
      // Who reads into a buffer of his own waits for that buffer to be given back.
      controller.byobRequest?.respond(0);
    },
  }) as unknown as ReadableStream;
}
