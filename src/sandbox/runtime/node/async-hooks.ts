/**
 * node:async_hooks, AsyncLocalStorage and AsyncResource. V8 does not show the isolate where a promise was awaited, so the context follows
 * `then`, timers and microtasks, which are patched when this module is first loaded. `await` follows too, because the bundler turns
 * async functions into promises and generators in every bundle that imports async_hooks (function/bundle.ts).
 */
import { apply, define } from '../host.ts';
import { unsupported } from './unsupported.ts';

type Fn = (...args: unknown[]) => unknown;
type Context = ReadonlyMap<AsyncLocalStorage, unknown>;

const EMPTY: Context = new Map();
let current: Context = EMPTY;

function within<T>(context: Context, fn: (...args: never[]) => T, self: unknown, args: readonly unknown[]): T {
  const before = current;
  current = context;
  try {
    return apply(fn, self, args) as T;
  } finally {
    current = before;
  }
}

function bound<T>(fn: T): T {
  if (typeof fn !== 'function' || current === EMPTY) return fn;
  const context = current;
  return function (this: unknown, ...args: unknown[]) {
    return within(context, fn as unknown as Fn, this, args);
  } as T;
}

function follow(): void {
  const nativeThen = Promise.prototype.then as unknown as Fn;
  define(Promise.prototype, 'then', function then(this: unknown, fulfilled: unknown, rejected: unknown) {
    return apply(nativeThen, this, [bound(fulfilled), bound(rejected)]) as unknown;
  });
  const globals = globalThis as unknown as Record<string, Fn>;
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) {
    const native = globals[name];
    if (native === undefined) continue;
    define(globals, name, (callback: unknown, ...rest: unknown[]) => native(bound(callback), ...rest));
  }
  const processObject = globals['process'] as unknown as { nextTick: Fn };
  const { nextTick } = processObject;
  processObject.nextTick = (callback, ...rest) => nextTick(bound(callback), ...rest);
}
follow();

export class AsyncLocalStorage {
  readonly #defaultValue: unknown;
  readonly name: string;
  constructor(options: { defaultValue?: unknown; name?: string } = {}) {
    this.#defaultValue = options.defaultValue;
    this.name = options.name ?? '';
  }
  getStore(): unknown {
    return current.has(this) ? current.get(this) : this.#defaultValue;
  }
  run(store: unknown, fn: Fn, ...args: unknown[]): unknown {
    return within(new Map([...current, [this, store]]), fn, undefined, args);
  }
  exit(fn: Fn, ...args: unknown[]): unknown {
    const without = new Map(current);
    without.delete(this);
    return within(without, fn, undefined, args);
  }
  enterWith(store: unknown): void {
    current = new Map([...current, [this, store]]);
  }
  disable(): void {
    const without = new Map(current);
    without.delete(this);
    current = without;
  }
  static bind<T extends Fn>(fn: T): T {
    return bound(fn);
  }
  static snapshot(): Fn {
    const context = current;
    return (fn, ...args) => within(context, fn as Fn, undefined, args);
  }
}

export class AsyncResource {
  readonly type: string;
  readonly #context = current;
  constructor(type: string) {
    this.type = String(type);
  }
  runInAsyncScope(fn: Fn, self?: unknown, ...args: unknown[]): unknown {
    return within(this.#context, fn, self, args);
  }
  bind(fn: Fn): Fn {
    const context = this.#context;
    return function (this: unknown, ...args: unknown[]) {
      return within(context, fn, this, args);
    };
  }
  static bind(fn: Fn): Fn {
    return bound(fn);
  }
  emitDestroy(): this {
    return this;
  }
  asyncId(): number {
    return 1;
  }
  triggerAsyncId(): number {
    return 0;
  }
}

export const asyncHooks = unsupported('async_hooks', {
  AsyncLocalStorage,
  AsyncResource,
  executionAsyncId: () => 1,
  triggerAsyncId: () => 0,
  executionAsyncResource: () => ({}),
  // Hooks are for tracing tools, which expect at most silence.
  createHook: () => ({ enable: () => undefined, disable: () => undefined }),
});
