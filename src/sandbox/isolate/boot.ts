/**
 * The bootstrap: the first script of every isolate, bundled into one. Its value is `boot`; the child calls it once with the host functions
 * and gets the entry function. Nothing of it is reachable from user code but what it puts on globalThis.
 */
import type { Hooks } from '../runtime/hooks.ts';
import { fromBase64, toBase64 } from './bytes.ts';
import { zlibOf } from './compression.ts';
import { installConsole, logLine, resetLog, setFormatter, setLevelMin } from './console.ts';
import { setErrorTextMax } from './errors.ts';
import { cancelFetch, finishFetch, setUpFetches, startFetch } from './fetches.ts';
import { hardenGlobals } from './harden.ts';
import { type Host, OP_FETCH_DONE, OP_INVOKE, OP_LOAD, OP_POLL, OP_PRELUDE_DONE, OP_TICK } from './host.ts';
import { dieOf, exit, invoke, load, poll, setUpInvocations } from './invocation.ts';
import {
  install,
  named,
  NativeError,
  NativePromise,
  NativeRangeError,
  NativeTypeError,
  parse,
  stringOf,
  onceFulfilled,
} from './primordials.ts';
import { installTimers, runOne } from './timers.ts';

const RANDOM_BYTES_MAX = 65_536;
const DIGEST_BYTES_MAX = 32 * 1024 * 1024;

/** Known before the function is. */
interface BootHead {
  readonly nodeVersion: string;
  readonly memorySizeMb: number;
  readonly limits: {
    readonly resultBytes: number;
    readonly logLineBytes: number;
    readonly logLines: number;
    readonly logBytes: number;
    readonly fetches: number;
    readonly fetchesInAll: number;
    readonly fetchBytesInAll: number;
    readonly fetchBytesInFlight: number;
    readonly fetchHeadBytes: number;
    readonly fetchBodyBytes: number;
    readonly errorTextBytes: number;
    readonly zlibBytes: number;
    readonly scratchBytes: number;
  };
}

interface FunctionHead {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly handlerText: string;
  readonly exportPath: string;
  readonly memorySizeMb: number;
  readonly environment: Record<string, string>;
  readonly logStreamName: string;
  readonly logLevelMin: number;
}

let ownFunction: FunctionHead | null = null;

/** Throws while our own scripts are evaluated: nothing of them may depend on a function. */
function theFunction(): FunctionHead {
  if (ownFunction === null) throw new NativeError('no function is known yet');
  return ownFunction;
}

let requireOf: ((name: string) => unknown) | null = null;

function bundleRequire(name: unknown): unknown {
  const text = stringOf(name);
  if (requireOf !== null) return requireOf(text);
  const error = new NativeError(`Cannot find module '${text}'`);
  (error as { code?: string }).code = 'MODULE_NOT_FOUND';
  throw error;
}

function makeHooks(head: BootHead, host: Host): Hooks {
  const digest = (name: string, key: Uint8Array | null, bytes: Uint8Array): Uint8Array => {
    if (bytes.byteLength > DIGEST_BYTES_MAX)
      throw new NativeRangeError(`at most ${DIGEST_BYTES_MAX} bytes can be digested at a time`);
    return fromBase64(host.digest(name, key === null ? null : toBase64(key), toBase64(bytes)));
  };
  return {
    get environment() {
      return theFunction().environment;
    },
    get functionName() {
      return theFunction().functionName;
    },
    get functionVersion() {
      return theFunction().functionVersion;
    },
    memoryLimitMb: head.memorySizeMb,
    scratchBytesMax: head.limits.scratchBytes,
    nodeVersion: head.nodeVersion,
    monoMs: () => host.monoMs(),
    heapStatistics: () => parse(host.heap()) as ReturnType<Hooks['heapStatistics']>,
    log: logLine,
    setFormatter,
    setRequire: (require) => {
      requireOf = require;
    },
    reportUncaught: (error) => dieOf(error),
    exit: (code) => {
      exit(code);
      throw new NativeError('process.exit() was called');
    },
    randomBytes: (count) => {
      if (!(count >= 0 && count <= RANDOM_BYTES_MAX))
        throw new NativeRangeError(`at most ${RANDOM_BYTES_MAX} random bytes at a time`);
      return fromBase64(host.randomBytes(count));
    },
    digest: (name, bytes) => digest(name, null, bytes),
    hmac: digest,
    zlib: zlibOf(host, head.limits.zlibBytes),
    crypto: (operation, params) => host.crypto(operation, params),
    startFetch,
    cancelFetch,
  };
}

function installMicrotasks(): void {
  const done = NativePromise.resolve();
  install(
    globalThis,
    'queueMicrotask',
    named('queueMicrotask', (callback: unknown) => {
      if (typeof callback !== 'function')
        throw new NativeTypeError('The "callback" argument must be of type function.');
      onceFulfilled(done, () => {
        try {
          callback();
        } catch (error) {
          dieOf(error);
        }
      });
    }),
  );
}

type Entry = (op: number, a?: unknown, b?: unknown, c?: unknown, d?: unknown) => number;

export function boot(headText: string, ...functions: unknown[]): Entry {
  const head = parse(headText) as BootHead;
  const [settle, log, monoMs, heap, randomBytes, digest, startHostFetch, cancelHostFetch, zlib, crypto] = functions;
  const host = {
    __proto__: null,
    settle,
    log,
    monoMs,
    heap,
    randomBytes,
    digest,
    startFetch: startHostFetch,
    cancelFetch: cancelHostFetch,
    zlib,
    crypto,
  } as unknown as Host;
  const { limits } = head;
  hardenGlobals();
  setErrorTextMax(limits.errorTextBytes);
  installConsole((level, text) => host.log(level, text));
  resetLog({ lineBytes: limits.logLineBytes, lines: limits.logLines, bytes: limits.logBytes });
  installTimers(() => host.monoMs());
  installMicrotasks();
  setUpFetches(host, limits);
  setUpInvocations(host, limits.resultBytes);
  Object.defineProperty(globalThis, '__millrace', { value: makeHooks(head, host), configurable: true });

  return (op, a, b, c, d) => {
    try {
      if (op === OP_INVOKE) invoke(a as string, b as string, c as number);
      else if (op === OP_POLL) return poll();
      else if (op === OP_TICK) runOne();
      else if (op === OP_FETCH_DONE) finishFetch(a as number, b as string, c as string, d as boolean);
      else if (op === OP_LOAD) {
        ownFunction = parse(b as string) as FunctionHead;
        setLevelMin(ownFunction.logLevelMin);
        load(a as never, bundleRequire, ownFunction);
      } else if (op === OP_PRELUDE_DONE) Reflect.deleteProperty(globalThis, '__millrace');
    } catch (error) {
      dieOf(error);
    }
    return 0;
  };
}
