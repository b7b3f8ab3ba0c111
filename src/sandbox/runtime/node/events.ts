/** node:events. EventEmitter is a function, not a class, because old packages call it without `new`. */
import { invalidArgument, nodeError } from '../errors.ts';
import { inspect } from './inspect.ts';

type Listener = (...args: unknown[]) => unknown;
interface Entry {
  readonly call: Listener;
  readonly original: Listener;
}

export interface EventEmitter {
  on(name: PropertyKey, listener: Listener): this;
  addListener(name: PropertyKey, listener: Listener): this;
  once(name: PropertyKey, listener: Listener): this;
  prependListener(name: PropertyKey, listener: Listener): this;
  prependOnceListener(name: PropertyKey, listener: Listener): this;
  off(name: PropertyKey, listener: Listener): this;
  removeListener(name: PropertyKey, listener: Listener): this;
  removeAllListeners(name?: PropertyKey): this;
  emit(name: PropertyKey, ...args: unknown[]): boolean;
  listeners(name: PropertyKey): Listener[];
  rawListeners(name: PropertyKey): Listener[];
  listenerCount(name: PropertyKey): number;
  eventNames(): PropertyKey[];
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
}

interface EventEmitterClass {
  new (): EventEmitter;
  (this: unknown): void;
  prototype: EventEmitter;
  defaultMaxListeners: number;
}

/** Beside the object, so that emitters look empty when printed and may be frozen. */
const tables = new WeakMap<object, Map<PropertyKey, Entry[]>>();
const maxima = new WeakMap<object, number>();

function tableOf(emitter: object): Map<PropertyKey, Entry[]> {
  let table = tables.get(emitter);
  if (table === undefined) tables.set(emitter, (table = new Map()));
  return table;
}

function add(emitter: EventEmitter, name: PropertyKey, original: Listener, once: boolean, first: boolean): void {
  if (typeof original !== 'function') throw invalidArgument('listener', 'of type function', original);
  const table = tableOf(emitter);
  if (table.has('newListener')) emitter.emit('newListener', name, original);
  const call = once ? wrapOnce(emitter, name, original) : original;
  const there = table.get(name) ?? [];
  table.set(name, first ? [{ call, original }, ...there] : [...there, { call, original }]);
}

function wrapOnce(emitter: EventEmitter, name: PropertyKey, original: Listener): Listener {
  const call: Listener & { listener?: Listener } = (...args) => {
    remove(emitter, name, call);
    return original.apply(emitter, args);
  };
  call.listener = original;
  return call;
}

function remove(emitter: EventEmitter, name: PropertyKey, listener: Listener): void {
  const table = tableOf(emitter);
  const there = table.get(name);
  const at = there?.findLastIndex((entry) => entry.call === listener || entry.original === listener) ?? -1;
  if (there === undefined || at < 0) return;
  const left = there.filter((_, i) => i !== at);
  if (left.length === 0) table.delete(name);
  else table.set(name, left);
  if (table.has('removeListener')) emitter.emit('removeListener', name, there[at]!.original);
}

export const EventEmitter = function EventEmitter() {} as unknown as EventEmitterClass;

const methods: Record<string, (this: EventEmitter, ...args: never[]) => unknown> = {
  on(name: PropertyKey, listener: Listener) {
    add(this, name, listener, false, false);
    return this;
  },
  once(name: PropertyKey, listener: Listener) {
    add(this, name, listener, true, false);
    return this;
  },
  prependListener(name: PropertyKey, listener: Listener) {
    add(this, name, listener, false, true);
    return this;
  },
  prependOnceListener(name: PropertyKey, listener: Listener) {
    add(this, name, listener, true, true);
    return this;
  },
  removeListener(name: PropertyKey, listener: Listener) {
    remove(this, name, listener);
    return this;
  },
  removeAllListeners(...names: PropertyKey[]) {
    if (names.length === 0) tables.delete(this);
    else tableOf(this).delete(names[0]!);
    return this;
  },
  emit(name: PropertyKey, ...args: unknown[]) {
    const entries = tableOf(this).get(name);
    if (entries === undefined) {
      if (name !== 'error') return false;
      const [error] = args;
      if (error instanceof Error) throw error;
      throw nodeError(Error, 'ERR_UNHANDLED_ERROR', `Unhandled error. (${inspect(error)})`);
    }
    for (const entry of entries) entry.call.apply(this, args);
    return true;
  },
  listeners(name: PropertyKey) {
    return (tableOf(this).get(name) ?? []).map((entry) => entry.original);
  },
  rawListeners(name: PropertyKey) {
    return (tableOf(this).get(name) ?? []).map((entry) => entry.call);
  },
  listenerCount(name: PropertyKey) {
    return tableOf(this).get(name)?.length ?? 0;
  },
  eventNames() {
    return [...tableOf(this).keys()];
  },
  setMaxListeners(count: number) {
    maxima.set(this, count);
    return this;
  },
  getMaxListeners() {
    return maxima.get(this) ?? EventEmitter.defaultMaxListeners;
  },
};
methods['addListener'] = methods['on']!;
methods['off'] = methods['removeListener']!;
Object.assign(EventEmitter.prototype, methods);

type Target = EventEmitter | EventTarget;

function listen(target: Target, name: string, listener: Listener, once = false): () => void {
  if ('addEventListener' in target) {
    target.addEventListener(name, listener as never, { once });
    return () => target.removeEventListener(name, listener as never);
  }
  if (once) target.once(name, listener);
  else target.on(name, listener);
  return () => void target.removeListener(name, listener);
}

function once(target: Target, name: string, options: { signal?: AbortSignal } = {}): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const stops: (() => void)[] = [];
    const settle = (act: () => void) => {
      for (const stop of stops) stop();
      act();
    };
    stops.push(listen(target, name, (...args) => settle(() => resolve(args)), true));
    if (name !== 'error') stops.push(listen(target, 'error', (error) => settle(() => reject(error as Error)), true));
    if (signal !== undefined)
      stops.push(listen(signal, 'abort', () => settle(() => reject(signal.reason as Error)), true));
    return undefined;
  });
}

async function* on(target: Target, name: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<unknown[]> {
  const { signal } = options;
  const events: unknown[][] = [];
  let failure: { reason: unknown } | undefined;
  let wake = () => {};
  const stops = [
    listen(target, name, (...args) => {
      events.push(args);
      wake();
    }),
    listen(target, 'error', (reason) => {
      failure = { reason };
      wake();
    }),
  ];
  if (signal !== undefined) {
    stops.push(
      listen(signal, 'abort', () => {
        failure = { reason: signal.reason };
        wake();
      }),
    );
  }
  try {
    for (;;) {
      while (events.length > 0) yield events.shift()!;
      if (failure !== undefined) throw failure.reason;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    for (const stop of stops) stop();
  }
}

/** The module is the class, with its functions on it, as in Node. */
export const events = Object.assign(EventEmitter, {
  EventEmitter,
  defaultMaxListeners: 10,
  errorMonitor: Symbol('events.errorMonitor'),
  captureRejectionSymbol: Symbol.for('nodejs.rejection'),
  captureRejections: false,
  usingDomains: false,
  once,
  on,
  getEventListeners: (target: Target, name: PropertyKey) => ('listeners' in target ? target.listeners(name) : []),
  getMaxListeners: (target: EventEmitter) => target.getMaxListeners(),
  setMaxListeners(count: number, ...targets: EventEmitter[]) {
    for (const target of targets) target.setMaxListeners?.(count);
  },
  listenerCount: (target: EventEmitter, name: PropertyKey) => target.listenerCount(name),
});
