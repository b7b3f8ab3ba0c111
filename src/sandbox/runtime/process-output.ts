/** process.stdout, .stderr and .stdin: what is written becomes lines of the log, and there is nothing to read. */
import { hooks } from './host.ts';
import { EventEmitter } from './node/events.ts';
import { utf8Decode } from './utf8.ts';

type Done = (error?: Error | null) => void;

class Output extends EventEmitter {
  readonly fd: number;
  readonly isTTY = false;
  readonly columns = 80;
  readonly writable = true;
  readonly destroyed = false;
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  readonly #level: 'info' | 'error';

  constructor(fd: number, level: 'info' | 'error') {
    super();
    this.fd = fd;
    this.#level = level;
  }
  /** One write is one line of the log, which may have line breaks in it. */
  write(chunk: unknown, encoding?: unknown, done?: unknown): boolean {
    const text = chunk instanceof Uint8Array ? utf8Decode(chunk, 0, chunk.length) : String(chunk);
    if (text !== '') hooks.log(this.#level, text.endsWith('\n') ? text.slice(0, -1) : text);
    const callback = typeof encoding === 'function' ? encoding : done;
    if (typeof callback === 'function') queueMicrotask(callback as Done);
    return true;
  }
  end(chunk?: unknown, encoding?: unknown, done?: unknown): this {
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') this.write(chunk, encoding, done);
    return this;
  }
  cork(): void {}
  uncork(): void {}
  getColorDepth(): number {
    return 1;
  }
  hasColors(): boolean {
    return false;
  }
}

class Input extends EventEmitter {
  readonly fd = 0;
  readonly isTTY = false;
  readonly readable = false;
  readonly destroyed = true;
  read(): null {
    return null;
  }
  setEncoding(): this {
    return this;
  }
  resume(): this {
    return this;
  }
  pause(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

export const makeStandardStreams = () => ({
  stdin: new Input(),
  stdout: new Output(1, 'info'),
  stderr: new Output(2, 'error'),
});
