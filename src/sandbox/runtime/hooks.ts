/**
 * The contract between the three scripts that share an isolate, in the order in which they are evaluated. Types only.
 *
 * 1. The bootstrap (sandbox/isolate/): hardens the globals, keeps primordials, console, timers, queueMicrotask, the invocation itself.
 * 2. The prelude (sandbox/runtime/): everything else a handler may expect (Buffer, URL, fetch, crypto, process, node:* shims).
 *    One classic script. While it is evaluated, `globalThis.__millrace` is the `Hooks` object below; it is deleted right after, so the prelude
 *    keeps it in a closure. What it adds to globalThis is what users see (non-enumerable, as the built-ins are).
 *    Already there when it runs: console, setTimeout/setInterval/setImmediate and their clear*, queueMicrotask, global, and what V8 has by itself.
 *    Not there: WebAssembly, SharedArrayBuffer, Atomics; resizable buffers; WeakRef holds strongly, FinalizationRegistry never calls.
 * 3. The bundle (function/): CommonJS text (esbuild `format: 'cjs'`, no imports left except what `setRequire` answers), evaluated as the body of
 *    `function (exports, require, module, __filename, __dirname)`. Its exports are `module.exports`. A bundle with top-level await
 *    sets `module.exports` to a promise of its exports: initialisation waits for it.
 */

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** JSON. `headers` in the order they are to be sent, names as written; bodies travel beside it. */
export interface FetchRequestHead {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly redirect: 'follow' | 'error' | 'manual';
  /** The body of the response as it came, with its Content-Encoding: for node:http, whose users decode it themselves. */
  readonly raw?: boolean;
}

/** JSON. `body` is complete when the head arrives, and decompressed unless the request said `raw`. */
export interface FetchResponseHead {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly redirected: boolean;
  readonly headers: readonly (readonly [string, string])[];
}

/** JSON. What `fetch` rejects with: TypeError('fetch failed', { cause: { name, message, code } }). */
export interface FetchErrorHead {
  readonly name: string;
  readonly message: string;
  readonly code: string;
}

export type FetchDone = (error: FetchErrorHead | null, head: FetchResponseHead | null, body: Uint8Array) => void;

export type DigestName =
  | `sha512-${224 | 256}`
  | `sha3-${224 | 256 | 384 | 512}`
  | `sha${1 | 224 | 256 | 384 | 512}`
  | 'md5'
  | 'ripemd160'
  | 'blake2b512'
  | 'blake2s256';

export type ZlibFormat =
  | 'gzip'
  | 'gunzip'
  | 'deflate'
  | 'inflate'
  | 'deflateRaw'
  | 'inflateRaw'
  | 'unzip'
  | 'brotliCompress'
  | 'brotliDecompress'
  | 'zstdCompress'
  | 'zstdDecompress';

export type ZlibAnswer =
  { readonly bytes: Uint8Array; readonly failure: null } | { readonly bytes: null; readonly failure: ZlibFailure };

export interface ZlibFailure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly errno?: number;
}

/**
 * An isolate is made ready before it is known for which function. While the prelude is evaluated the first three throw: whatever it keeps
 * of them it asks for later, when user code calls.
 */
export interface Hooks {
  /** `environment` of the function: a fresh plain object, all strings. */
  readonly environment: Record<string, string>;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly memoryLimitMb: number;
  /** What all files below /tmp together may have. */
  readonly scratchBytesMax: number;
  /** Node's own `process.version` of the child, e.g. `v26.10.0`. */
  readonly nodeVersion: string;

  /** Milliseconds since the function's initialisation began, whole numbers, never falls. For performance.now, hrtime, uptime. */
  monoMs(): number;
  heapStatistics(): {
    readonly heapTotal: number;
    readonly heapUsed: number;
    readonly external: number;
    readonly limit: number;
  };

  /** One log line of the handler; cut at 8 kB, counted against the caps. console.* ends here too. */
  log(level: LogLevel, text: string): void;
  /** Replaces the plain formatter of console.* (util.format, when the prelude has one). May throw: then the plain one is used. */
  setFormatter(format: (args: readonly unknown[]) => string): void;
  /** `require` inside the bundle; throw an Error with code MODULE_NOT_FOUND for an unknown name. Without it every name is unknown. */
  setRequire(require: (name: string) => unknown): void;
  /** An error that nobody can catch (a callback's): fails the invocation like an uncaught exception. */
  reportUncaught(error: unknown): void;
  /** process.exit: ends the invocation with Runtime.ExitError, as a Lambda whose process is gone. Throws, so that the caller's code ends too. */
  exit(code: number): never;

  /** At most 65,536 at a time, from the operating system; RangeError above. */
  randomBytes(count: number): Uint8Array;
  /** Both synchronous; RangeError above 32 MB. */
  digest(name: DigestName, bytes: Uint8Array): Uint8Array;
  hmac(name: DigestName, key: Uint8Array, bytes: Uint8Array): Uint8Array;

  /** Synchronous, in the child; `options` is JSON. Input and output have a bound (limits.ts); what is above it is a failure. */
  zlib(format: ZlibFormat, options: string, bytes: Uint8Array): ZlibAnswer;

  /** Synchronous, in the child: `params` is JSON with bytes as base64. Answers JSON, or `!` and JSON of the error. */
  crypto(operation: string, params: string): string;

  /**
   * Sends one HTTP request through the parent. `done` is called once, from a fresh stack, unless it was cancelled or the invocation
   * ended first. A pending request keeps the invocation alive. Throws Error when too many are open or the body is too large.
   */
  startFetch(head: FetchRequestHead, body: Uint8Array | null, done: FetchDone): number;
  cancelFetch(id: number): void;
}

declare global {
  // Only while the prelude is evaluated.
  var __millrace: Hooks | undefined;
}
