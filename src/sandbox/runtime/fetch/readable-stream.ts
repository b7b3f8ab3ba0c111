/**
 * ReadableStream, as much of the Streams standard as bodies need: pull sources, readers, async iteration, tee, cancel. Bodies arrive
 * complete, so that nothing here has to hold anybody back; byte streams and writable or transforming ones do not exist.
 */

export interface StreamController {
  enqueue(chunk: unknown): void;
  close(): void;
  error(reason?: unknown): void;
  readonly desiredSize: number | null;
}

interface StreamSource {
  start?(controller: StreamController): unknown;
  pull?(controller: StreamController): unknown;
  cancel?(reason?: unknown): unknown;
  type?: string;
}

type ReadResult = { done: false; value: unknown } | { done: true; value: undefined };
interface Waiting {
  resolve(result: ReadResult): void;
  reject(reason: unknown): void;
}

export class ReadableStream {
  #chunks: unknown[] = [];
  #waiting: Waiting[] = [];
  #state: 'readable' | 'closed' | 'errored' = 'readable';
  #closing = false;
  #reason: unknown;
  #pulling = false;
  #locked = false;
  #disturbed = false;
  readonly #source: StreamSource;
  readonly #controller: StreamController;
  readonly #started: Promise<unknown>;
  #closed = Promise.withResolvers<undefined>();

  constructor(source: StreamSource = {}) {
    if (source.type === 'bytes') throw new TypeError('byte streams are not supported');
    this.#source = source;
    this.#closed.promise.catch(() => undefined);
    const self = this;
    this.#controller = {
      enqueue: (chunk) => this.#enqueue(chunk),
      close: () => this.#close(),
      error: (reason) => this.#fail(reason),
      get desiredSize() {
        return self.#state === 'readable' ? 1 - self.#chunks.length : self.#state === 'closed' ? 0 : null;
      },
    };
    this.#started = Promise.resolve(source.start?.(this.#controller));
    this.#started.catch((error: unknown) => this.#fail(error));
  }

  static from(items: Iterable<unknown> | AsyncIterable<unknown>): ReadableStream {
    const iterator =
      Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : (items as Iterable<unknown>)[Symbol.iterator]();
    return new ReadableStream({
      async pull(controller) {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(await next.value);
      },
      cancel: (reason) => iterator.return?.(reason),
    });
  }

  get locked(): boolean {
    return this.#locked;
  }
  static disturbed(stream: ReadableStream): boolean {
    return stream.#disturbed;
  }

  #enqueue(chunk: unknown): void {
    if (this.#state !== 'readable' || this.#closing) throw new TypeError('Invalid state: the stream is closed');
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve({ done: false, value: chunk });
    else this.#chunks.push(chunk);
  }
  #close(): void {
    if (this.#state !== 'readable') throw new TypeError('Invalid state: the stream is closed');
    this.#closing = true;
    if (this.#chunks.length === 0) this.#finish();
  }
  #finish(): void {
    this.#state = 'closed';
    for (const waiting of this.#waiting.splice(0)) waiting.resolve({ done: true, value: undefined });
    this.#closed.resolve(undefined);
  }
  #fail(reason: unknown): void {
    if (this.#state !== 'readable') return;
    this.#state = 'errored';
    this.#reason = reason;
    this.#chunks = [];
    for (const waiting of this.#waiting.splice(0)) waiting.reject(reason);
    this.#closed.reject(reason);
  }

  #read(): Promise<ReadResult> {
    this.#disturbed = true;
    if (this.#chunks.length > 0) {
      const value = this.#chunks.shift();
      if (this.#closing && this.#chunks.length === 0) this.#finish();
      return Promise.resolve({ done: false, value });
    }
    if (this.#state === 'errored') return Promise.reject(this.#reason);
    if (this.#state === 'closed') return Promise.resolve({ done: true, value: undefined });
    const waiting = Promise.withResolvers<ReadResult>();
    this.#waiting.push(waiting);
    void this.#pull();
    return waiting.promise;
  }

  async #pull(): Promise<void> {
    if (this.#pulling || this.#source.pull === undefined) return;
    this.#pulling = true;
    try {
      await this.#started;
      while (this.#waiting.length > 0 && this.#state === 'readable' && !this.#closing) {
        const before = this.#waiting.length;
        await this.#source.pull(this.#controller);
        // A source that answers without a chunk will enqueue later by itself.
        if (this.#waiting.length === before) break;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pulling = false;
    }
  }

  async #cancel(reason: unknown): Promise<void> {
    this.#disturbed = true;
    if (this.#state === 'errored') throw this.#reason;
    if (this.#state === 'closed') return;
    this.#chunks = [];
    this.#finish();
    await this.#source.cancel?.(reason);
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#locked ? Promise.reject(new TypeError('Invalid state: the stream is locked')) : this.#cancel(reason);
  }

  getReader(options?: { mode?: string }): StreamReader {
    if (options?.mode !== undefined) throw new TypeError('byte readers are not supported');
    if (this.#locked) throw new TypeError('Invalid state: the stream is locked');
    this.#locked = true;
    let released = false;
    const guard = <T>(act: () => Promise<T>): Promise<T> =>
      released ? Promise.reject(new TypeError('Invalid state: the reader was released')) : act();
    return {
      closed: this.#closed.promise,
      read: () => guard(() => this.#read()),
      cancel: (reason) => guard(() => this.#cancel(reason)),
      releaseLock: () => {
        if (!released) this.#locked = false;
        released = true;
      },
    };
  }

  tee(): [ReadableStream, ReadableStream] {
    const reader = this.getReader();
    const controllers: StreamController[] = [];
    const pull = async (): Promise<void> => {
      const { done, value } = await reader.read();
      for (const controller of controllers) {
        if (done) controller.close();
        else controller.enqueue(value);
      }
    };
    const branch = () => new ReadableStream({ start: (controller) => void controllers.push(controller), pull });
    return [branch(), branch()];
  }

  async *values(): AsyncGenerator<unknown, void, unknown> {
    const reader = this.getReader();
    let finished = false;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) {
          finished = true;
          return;
        }
        yield value;
      }
    } finally {
      if (!finished) await reader.cancel().catch(() => undefined);
      reader.releaseLock();
    }
  }
  [Symbol.asyncIterator](): AsyncGenerator<unknown, void, unknown> {
    return this.values();
  }
  get [Symbol.toStringTag](): string {
    return 'ReadableStream';
  }
}

export interface StreamReader {
  readonly closed: Promise<undefined>;
  read(): Promise<ReadResult>;
  cancel(reason?: unknown): Promise<void>;
  releaseLock(): void;
}

export const isDisturbed = ReadableStream.disturbed;
Reflect.deleteProperty(ReadableStream, 'disturbed');
