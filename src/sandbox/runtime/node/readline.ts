/** node:readline over streams: lines as events, by iteration, and as answers to questions. There is no terminal. */
import type * as NodeStream from 'node:stream';
import { invalidArgument, nodeError } from '../errors.ts';
import { on } from './event-waiting.ts';
import { EventEmitter } from './events.ts';
import { StringDecoder } from './string-decoder.ts';
import { unsupported } from './unsupported.ts';

interface Options {
  input: NodeStream.Readable;
  output?: { write(text: string): unknown } | null;
  prompt?: string;
  signal?: AbortSignal;
  [other: string]: unknown;
}

const LINE_END = /\r\n|[\n\r\u2028\u2029]/;

export class Interface extends EventEmitter {
  readonly input: NodeStream.Readable;
  readonly output: Options['output'];
  readonly terminal = false;
  line = '';
  closed = false;
  paused = false;
  #prompt: string;
  #rest = '';
  #answer: ((line: string) => void) | null = null;
  readonly #decoder = new StringDecoder('utf8');
  readonly #stops: (() => void)[] = [];

  constructor(options: Options | NodeStream.Readable, output?: Options['output']) {
    super();
    const given = 'input' in options ? options : ({ input: options, output } as Options);
    if (given.input === undefined || given.input === null)
      throw invalidArgument('input', 'an instance of Stream', given.input);
    this.input = given.input;
    this.output = given.output;
    this.#prompt = given.prompt ?? '> ';
    this.#listen('data', (chunk) => this.#data(chunk as Uint8Array | string));
    this.#listen('end', () => this.#end());
    this.#listen('error', (error) => this.emit('error', error));
    const { signal } = given;
    if (signal?.aborted === true) process.nextTick(() => this.close());
    else signal?.addEventListener('abort', () => this.close(), { once: true });
    this.input.resume();
  }
  #listen(name: string, listener: (argument: unknown) => void): void {
    this.input.on(name, listener);
    this.#stops.push(() => void this.input.removeListener(name, listener));
  }
  #data(chunk: Uint8Array | string): void {
    const text = this.#rest + this.#decoder.write(chunk);
    // The second half of a line's end may come with the next chunk.
    const held = text.endsWith('\r') ? '\r' : '';
    const parts = text.slice(0, text.length - held.length).split(LINE_END);
    this.#rest = parts.pop()! + held;
    for (let i = 0; i < parts.length && !this.closed; i++) this.#line(parts[i]!);
  }
  #end(): void {
    const last = (this.#rest + this.#decoder.end()).replace(/\r$/, '');
    this.#rest = '';
    if (last !== '') this.#line(last);
    this.close();
  }
  #line(line: string): void {
    const answer = this.#answer;
    this.#answer = null;
    if (answer !== null) answer(line);
    else this.emit('line', line);
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const stop of this.#stops) stop();
    this.pause();
    this.emit('close');
  }
  pause(): this {
    if (!this.paused) {
      this.input.pause();
      this.paused = true;
      this.emit('pause');
    }
    return this;
  }
  resume(): this {
    if (this.paused) {
      this.input.resume();
      this.paused = false;
      this.emit('resume');
    }
    return this;
  }
  write(data: Uint8Array | string | null): void {
    if (data !== null) this.#data(data);
  }
  question(query: string, options: unknown, callback?: (answer: string) => void): void {
    const answer = typeof options === 'function' ? (options as (answer: string) => void) : callback!;
    if (this.closed) throw nodeError(Error, 'ERR_USE_AFTER_CLOSE', 'readline was closed');
    this.output?.write(query);
    this.#answer = answer;
  }
  getPrompt(): string {
    return this.#prompt;
  }
  setPrompt(prompt: string): void {
    this.#prompt = String(prompt);
  }
  prompt(): void {
    this.output?.write(this.#prompt);
  }
  [Symbol.asyncIterator](): AsyncIterableIterator<string, undefined> {
    const lines = on(this, 'line', { close: ['close'] });
    return {
      next: async () => {
        const { done, value } = await lines.next();
        return done === true ? { done, value: undefined } : { done: false, value: value![0] as string };
      },
      return: async () => {
        this.close();
        await lines.return!();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

class PromiseInterface extends Interface {
  override question(query: string): Promise<string> & void {
    return new Promise<string>((resolve) => super.question(query, resolve)) as Promise<string> & void;
  }
}
Object.defineProperty(PromiseInterface, 'name', { value: 'Interface', configurable: true });

export const readlinePromises = unsupported('readline/promises', {
  Interface: PromiseInterface,
  createInterface: (input: Options, output?: Options['output']) => new PromiseInterface(input, output),
});

export const readline = unsupported('readline', {
  Interface,
  createInterface: (input: Options, output?: Options['output']) => new Interface(input, output),
  promises: readlinePromises,
  // For a terminal's cursor; there is none.
  clearLine: () => true,
  clearScreenDown: () => true,
  cursorTo: () => true,
  moveCursor: () => true,
  emitKeypressEvents: () => undefined,
});
