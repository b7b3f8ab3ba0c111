/** One isolate with its context: the bootstrap, the prelude and the bundle in it, and the functions through which it reaches out. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import type ivm from 'isolated-vm';
import { compression } from './compression.ts';
import { withCollector } from './garbage.ts';
import { type Host, OP_FETCH_DONE, OP_INVOKE, OP_LOAD, OP_POLL, OP_PRELUDE_DONE, OP_TICK } from '../isolate/host.ts';
import type { InitHead, PrepareHead } from '../protocol.ts';

const DIGESTS = new Set(['md5', 'sha1', 'sha256', 'sha384', 'sha512']);
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

/** A bundle is CommonJS text: the body of a function. The offset keeps its own columns in stacks. */
const OPENING = '(function (exports, require, module, __filename, __dirname) {';
const BUNDLE_NAME = '/var/task/index.js';

function bundleScript(code: string): string {
  return `${OPENING}${code}\n})`;
}

function compile(isolate: ivm.Isolate, code: string, filename: string, cache: Buffer, columnOffset = 0): ivm.Script {
  const origin = { filename, columnOffset };
  if (cache.length === 0) return isolate.compileScriptSync(code, origin);
  // Its own memory: what a frame holds is overwritten by the next read.
  const cachedData = new isolatedVm.ExternalCopy(
    cache.buffer.slice(cache.byteOffset, cache.byteOffset + cache.length) as ArrayBuffer,
  );
  return isolate.compileScriptSync(code, { ...origin, cachedData });
}

/** Code caches of scripts that are compiled and not run; empty for one that has a syntax error. */
export function codeCaches(
  lib: typeof ivm,
  scripts: readonly { readonly bundle: boolean; readonly code: string }[],
): Buffer[] {
  const isolate = new lib.Isolate({ memoryLimit: 512 });
  return scripts.map(({ bundle, code }) => {
    const origin = bundle ? { filename: BUNDLE_NAME, columnOffset: -OPENING.length } : { filename: 'millrace:script' };
    try {
      const script = isolate.compileScriptSync(bundle ? bundleScript(code) : code, {
        ...origin,
        produceCachedData: true,
      }) as { cachedData?: ivm.ExternalCopy<ArrayBuffer> };
      return script.cachedData === undefined ? Buffer.alloc(0) : Buffer.from(script.cachedData.copy());
    } catch {
      // The function's own first start will say what is wrong with it.
      return Buffer.alloc(0);
    }
  });
}

let isolatedVm: typeof ivm;

type Entry = (op: number, ...args: unknown[]) => number;

export class IsolateHost {
  readonly #isolate: ivm.Isolate;
  readonly #context: ivm.Context;
  readonly #entry: ivm.Reference<Entry>;
  readonly #outward: Outward;
  readonly #memorySizeMb: number;
  #gc: ivm.Reference<() => void> | undefined;
  #began = performance.now();

  constructor(lib: typeof ivm, head: PrepareHead, scripts: Scripts, outward: Outward) {
    isolatedVm = lib;
    this.#outward = outward;
    this.#memorySizeMb = head.memorySizeMb;
    this.#isolate = new lib.Isolate({ memoryLimit: Math.max(8, head.memorySizeMb) });
    this.#context = this.#isolate.createContextSync();
    const boot = compile(this.#isolate, scripts.bootstrap, 'millrace:bootstrap', scripts.bootstrapCache).runSync(
      this.#context,
      { reference: true },
    );
    const functions = this.#functions(outward, head.limits.zlibBytes).map((fn) => new lib.Callback(fn));
    const text = JSON.stringify({ ...head, nodeVersion: process.version });
    this.#entry = boot.applySync(undefined, [text, ...functions], {
      result: { reference: true },
    }) as ivm.Reference<Entry>;
    if (scripts.prelude !== '')
      compile(this.#isolate, scripts.prelude, 'millrace:prelude', scripts.preludeCache).runSync(this.#context);
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
      script = compile(this.#isolate, bundleScript(bundle), BUNDLE_NAME, cache, -OPENING.length);
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
    this.#call(OP_INVOKE, event, head);
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
      (): number => Math.floor(performance.now() - this.#began),
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
