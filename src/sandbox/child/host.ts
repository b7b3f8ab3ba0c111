/** One isolate with its context: the bootstrap, the prelude and the bundle in it, and the functions through which it reaches out. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import type ivm from 'isolated-vm';
import { type Compiler, compileBundle, compilePlain } from './compile.ts';
import { compression } from './compression.ts';
import { cryptography } from './cryptography.ts';
import { withCollector } from './garbage.ts';
import { type Host, OP_FETCH_DONE, OP_INVOKE, OP_LOAD, OP_POLL, OP_PRELUDE_DONE, OP_TICK } from '../isolate/host.ts';
import { type InitHead, machineMs, type PrepareHead } from '../protocol.ts';

const DIGESTS = new Set(
  (
    'md5 sha1 sha224 sha256 sha384 sha512 sha512-224 sha512-256 sha3-224 sha3-256 sha3-384 sha3-512 ripemd160 ' +
    'blake2b512 blake2s256'
  ).split(' '),
);
const UNHANDLED_CHARS_MAX = 4096;

export interface Scripts {
  readonly bootstrap: string;
  readonly prelude: string;
  readonly bootstrapCache: Buffer;
  readonly preludeCache: Buffer;
}

export interface Outward extends Pick<Host, 'settle' | 'log' | 'startFetch' | 'cancelFetch'> {
  /** A rejection that nobody handled, found when the isolate was left: its reason as text, and where it came from. */
  unhandled(reason: string, trace: readonly string[]): void;
}

/** The isolate is gone (its memory limit was hit): nothing more can be asked of it. */
export class IsolateGone extends Error {}

export class BundleSyntaxError extends Error {}

type Entry = (op: number, ...args: unknown[]) => number;

export class IsolateHost {
  readonly #isolate: ivm.Isolate;
  readonly #compiler: Compiler;
  readonly #context: ivm.Context;
  readonly #entry: ivm.Reference<Entry>;
  readonly #outward: Outward;
  readonly #memorySizeMb: number;
  #gc: ivm.Reference<() => void> | undefined;
  #began = performance.now();

  constructor(lib: typeof ivm, head: PrepareHead, scripts: Scripts, outward: Outward) {
    this.#outward = outward;
    this.#memorySizeMb = head.memorySizeMb;
    this.#isolate = new lib.Isolate({ memoryLimit: Math.max(8, head.memorySizeMb) });
    this.#compiler = { lib, isolate: this.#isolate };
    this.#context = this.#isolate.createContextSync();
    const { bootstrap, bootstrapCache, prelude, preludeCache } = scripts;
    const script = compilePlain(this.#compiler, bootstrap, 'millrace:bootstrap', bootstrapCache);
    const boot = script.runSync(this.#context, { reference: true });
    const functions = this.#functions(outward, head.limits.zlibBytes).map((fn) => new lib.Callback(fn));
    const text = JSON.stringify({ ...head, nodeVersion: process.version });
    this.#entry = boot.applySync(undefined, [text, ...functions], {
      result: { reference: true },
    }) as ivm.Reference<Entry>;
    if (prelude !== '') compilePlain(this.#compiler, prelude, 'millrace:prelude', preludeCache).runSync(this.#context);
    this.#call(OP_PRELUDE_DONE);
  }

  /** For an isolate that has seen no function and is to see none. */
  dispose(): void {
    this.#isolate.dispose();
  }

  /** Gives the isolate to its function and evaluates the bundle; the outcome comes through `settle`. Throws BundleSyntaxError. */
  load(head: InitHead, bundle: string, cache: Buffer): void {
    if (head.memorySizeMb !== this.#memorySizeMb) throw new Error('the isolate was made for another memory size');
    this.#began = performance.now();
    let script: ivm.Script;
    try {
      script = compileBundle(this.#compiler, bundle, cache);
    } catch (error) {
      if (this.#isolate.isDisposed) throw new IsolateGone();
      const text = error instanceof Error ? error.message : 'the bundle cannot be compiled';
      // Where V8 has no place to name (its stack ended), isolated-vm names itself.
      throw new BundleSyntaxError(text.replace(/ \[<isolated-vm>[^\]]*\]$/, ''));
    }
    const run = script.runSync(this.#context, { reference: true });
    this.#call(OP_LOAD, run.derefInto({ release: true }), JSON.stringify(head));
  }

  invoke(event: string, head: string): void {
    this.#call(OP_INVOKE, event, head, machineMs() - this.#monoMs());
  }

  /** Collects what is dead; answers the bytes that live. */
  collect(): number {
    this.#gc ??= withCollector(() => this.#isolate.createContextSync().global.getSync('gc', { reference: true }));
    this.#gc.applySync(undefined, []);
    return this.#isolate.getHeapStatisticsSync().used_heap_size;
  }

  tick(): void {
    this.#call(OP_TICK);
  }

  fetchDone(id: number, head: string, body: string, failed: boolean): void {
    this.#call(OP_FETCH_DONE, id, head, body, failed);
  }

  /** Milliseconds until the next timer, or what isolate/host.ts calls WAITS_FOR_HOST and SETTLED. */
  poll(): number {
    return this.#call(OP_POLL);
  }

  /** The isolate's clock. */
  #monoMs(): number {
    return Math.floor(performance.now() - this.#began);
  }

  #call(op: number, ...args: unknown[]): number {
    try {
      return this.#entry.applySync(undefined, [op, ...args] as never, undefined) as number;
    } catch (error) {
      if (this.#isolate.isDisposed) throw new IsolateGone();
      // The entry function itself throws nothing, so this is what isolated-vm throws after draining: an unhandled rejection.
      this.#outward.unhandled(textOf(error), traceOf(error));
      return 0;
    }
  }

  #functions(outward: Outward, zlibBytesMax: number): ((...args: never[]) => unknown)[] {
    const heap = (): string => {
      const {
        total_heap_size: total,
        used_heap_size: used,
        externally_allocated_size: external,
        heap_size_limit: limit,
      } = this.#isolate.getHeapStatisticsSync();
      return `{"heapTotal":${total},"heapUsed":${used},"external":${external},"limit":${limit}}`;
    };
    return [
      outward.settle,
      outward.log,
      (): number => this.#monoMs(),
      heap,
      (count: number): string => randomBytes(Math.min(Math.max(0, Math.floor(count)), 65_536)).toString('base64'),
      (name: string, key: string | null, bytes: string): string => {
        if (!DIGESTS.has(name)) throw new RangeError(`unknown digest: ${String(name).slice(0, 20)}`);
        const hash = key === null ? createHash(name) : createHmac(name, Buffer.from(key, 'base64'));
        return hash.update(bytes, 'base64').digest('base64');
      },
      outward.startFetch,
      outward.cancelFetch,
      compression(zlibBytesMax),
      cryptography,
    ];
  }
}

/** isolated-vm's own sentence for what is no Error and cannot be copied. */
const NO_ERROR = 'An object was thrown from supplied code within isolated-vm';

/** A copy of a rejection's reason, as text; String(x) of a copied object may still throw. */
function textOf(error: unknown): string {
  try {
    const text = String(error).slice(0, UNHANDLED_CHARS_MAX);
    return text.includes(NO_ERROR) ? 'a promise was rejected with a value that is no Error' : text;
  } catch {
    return 'a value that has no text';
  }
}

/** The stack that the copy of an error came with; of anything else there is none. */
function traceOf(error: unknown): string[] {
  const { stack } = (error ?? {}) as { stack?: unknown };
  if (!(error instanceof Error) || typeof stack !== 'string') return [];
  return stack
    .slice(0, UNHANDLED_CHARS_MAX)
    .split('\n')
    .filter((line) => !line.includes('isolated-vm') && !line.includes('millrace:'));
}
