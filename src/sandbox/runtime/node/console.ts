/** node:console: the global console, and the class with which libraries write to a stream of their choice (`process.stdout`). */
import { invalidArgument } from '../errors.ts';
import { define, hooks } from '../host.ts';
import { formatList, inspect } from './inspect.ts';

interface Writable {
  write(text: string): unknown;
}

interface ConsoleOptions {
  readonly stdout?: Writable;
  readonly stderr?: Writable;
}

type Out = 'stdout' | 'stderr';

const INDENT = '  ';

function isWritable(value: unknown): value is Writable {
  return typeof (value as Writable | null | undefined)?.write === 'function';
}

/** Node's: `new Console(stdout, stderr)` or `new Console({ stdout, stderr })`. Its methods work without their object. */
export class Console {
  readonly #streams: Record<Out, Writable>;
  readonly #counts = new Map<string, number>();
  readonly #started = new Map<string, number>();
  #indent = '';

  constructor(first: Writable | ConsoleOptions, second?: Writable) {
    const options: ConsoleOptions = isWritable(first)
      ? { stdout: first, ...(second === undefined ? {} : { stderr: second }) }
      : (first ?? {});
    const { stdout, stderr = stdout } = options;
    if (!isWritable(stdout) || !isWritable(stderr))
      throw invalidArgument('stdout', 'a stream that can be written to', stdout);
    this.#streams = { stdout, stderr };
    for (const name of Object.getOwnPropertyNames(Console.prototype)) {
      const method = (this as unknown as Record<string, unknown>)[name];
      if (name !== 'constructor' && typeof method === 'function') define(this, name, method.bind(this));
    }
  }

  #write(to: Out, args: readonly unknown[]): void {
    const text = formatList(args);
    const lines = this.#indent === '' ? text : this.#indent + text.replaceAll('\n', `\n${this.#indent}`);
    this.#streams[to].write(`${lines}\n`);
  }

  log(...args: unknown[]): void {
    this.#write('stdout', args);
  }
  info(...args: unknown[]): void {
    this.#write('stdout', args);
  }
  debug(...args: unknown[]): void {
    this.#write('stdout', args);
  }
  dirxml(...args: unknown[]): void {
    this.#write('stdout', args);
  }
  warn(...args: unknown[]): void {
    this.#write('stderr', args);
  }
  error(...args: unknown[]): void {
    this.#write('stderr', args);
  }
  trace(...args: unknown[]): void {
    const stack = String(new Error().stack);
    this.#write('stderr', [`Trace: ${formatList(args)}${stack.slice(stack.indexOf('\n'))}`]);
  }
  assert(condition: unknown, ...args: unknown[]): void {
    if (!condition) this.#write('stderr', [`Assertion failed${args.length > 0 ? `: ${formatList(args)}` : ''}`]);
  }
  dir(value: unknown, options?: object): void {
    this.#write('stdout', [inspect(value, { ...options })]);
  }
  table(value: unknown): void {
    this.#write('stdout', [value]);
  }
  group(...args: unknown[]): void {
    if (args.length > 0) this.#write('stdout', args);
    this.#indent += INDENT;
  }
  groupCollapsed(...args: unknown[]): void {
    this.group(...args);
  }
  groupEnd(): void {
    this.#indent = this.#indent.slice(INDENT.length);
  }
  count(label: unknown = 'default'): void {
    const key = String(label);
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    this.#write('stdout', [`${key}: ${count}`]);
  }
  countReset(label: unknown = 'default'): void {
    this.#counts.delete(String(label));
  }
  time(label: unknown = 'default'): void {
    this.#started.set(String(label), hooks.monoMs());
  }
  timeLog(label: unknown = 'default', ...args: unknown[]): void {
    const began = this.#started.get(String(label));
    if (began !== undefined) this.#write('stdout', [`${String(label)}: ${hooks.monoMs() - began}ms`, ...args]);
  }
  timeEnd(label: unknown = 'default'): void {
    this.timeLog(label);
    this.#started.delete(String(label));
  }
}

define(globalThis.console, 'Console', Console);
export const consoleModule = globalThis.console;
