/**
 * setTimeout and its kin. The timers live here; the child only asks when the next one is due and calls `runOne`. They are frozen between
 * invocations (the child does not tick then) and go on in the next, as Lambda's do, and they die with the context.
 */
import { defineProperty, install, named, NativeTypeError, numberIsFinite, reflectApply } from './primordials.ts';

const DELAY_MAX = 2_147_483_647;

interface Entry {
  due: number;
  readonly delay: number;
  readonly repeat: boolean;
  readonly callback: (...args: unknown[]) => unknown;
  readonly args: unknown[];
  readonly handle: object;
  id: number;
  ref: boolean;
  queued: boolean;
  previous: Entry | null;
  next: Entry | null;
}

let nowMs: () => number;
// Sorted by due time. New timers are placed from the end, where equal delays belong: constant time in the usual case.
let first: Entry | null = null;
let last: Entry | null = null;
let ids = 0;
/** Timers that keep an invocation waiting (ref'd). */
let referenced = 0;
let byId: Record<number, Entry> = { __proto__: null } as never;

function enqueue(entry: Entry): void {
  entry.queued = true;
  if (entry.ref) referenced++;
  byId[entry.id] = entry;
  let before = last;
  while (before !== null && before.due > entry.due) before = before.previous;
  const after = before === null ? first : before.next;
  entry.previous = before;
  entry.next = after;
  if (before === null) first = entry;
  else before.next = entry;
  if (after === null) last = entry;
  else after.previous = entry;
}

function dequeue(entry: Entry): void {
  if (!entry.queued) return;
  entry.queued = false;
  if (entry.ref) referenced--;
  delete byId[entry.id];
  if (entry.previous === null) first = entry.next;
  else entry.previous.next = entry.next;
  if (entry.next === null) last = entry.previous;
  else entry.next.previous = entry.previous;
  entry.previous = null;
  entry.next = null;
}

export function timersPending(): boolean {
  return referenced > 0;
}

/** Milliseconds until the first timer, at least 0; -1 when there is none. */
export function nextTimerMs(): number {
  if (first === null) return -1;
  const wait = first.due - nowMs();
  return wait > 0 ? wait : 0;
}

/** Runs the first timer if it is due: one per entry, so that microtasks run between two timers, as in Node. Its exception is the caller's. */
export function runOne(): void {
  const entry = first;
  if (entry === null || entry.due > nowMs()) return;
  dequeue(entry);
  if (entry.repeat) {
    entry.due = nowMs() + entry.delay;
    enqueue(entry);
  }
  reflectApply(entry.callback, entry.handle, entry.args);
}

function makeHandleClass(name: string): new (entry: Entry) => object {
  const entries = new WeakMap<object, Entry>();
  const get = entries.get.bind(entries) as (handle: object) => Entry | undefined;
  const set = entries.set.bind(entries);
  lookups.push(get);
  class Handle {
    constructor(entry: Entry) {
      set(this, entry);
    }
    ref(): this {
      const entry = get(this);
      if (entry !== undefined && !entry.ref) {
        entry.ref = true;
        if (entry.queued) referenced++;
      }
      return this;
    }
    unref(): this {
      const entry = get(this);
      if (entry !== undefined && entry.ref) {
        entry.ref = false;
        if (entry.queued) referenced--;
      }
      return this;
    }
    hasRef(): boolean {
      return get(this)?.ref === true;
    }
    refresh(): this {
      const entry = get(this);
      if (entry?.queued === true) {
        dequeue(entry);
        entry.due = nowMs() + entry.delay;
        enqueue(entry);
      }
      return this;
    }
    close(): this {
      const entry = get(this);
      if (entry !== undefined) dequeue(entry);
      return this;
    }
    [Symbol.toPrimitive](): number {
      return get(this)?.id ?? 0;
    }
    [Symbol.dispose](): void {
      this.close();
    }
  }
  defineProperty(Handle, 'name', { __proto__: null, value: name, configurable: true } as PropertyDescriptor);
  return Handle as unknown as new (entry: Entry) => object;
}

const lookups: ((handle: object) => Entry | undefined)[] = [];

function start(
  Handle: new (entry: Entry) => object,
  callback: unknown,
  delay: unknown,
  repeat: boolean,
  args: unknown[],
): object {
  if (typeof callback !== 'function') {
    const error = new NativeTypeError('The "callback" argument must be of type function.');
    (error as { code?: string }).code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  let ms = +(delay as number);
  if (!(ms >= 1 && ms <= DELAY_MAX) || !numberIsFinite(ms)) ms = 1;
  const entry = {
    __proto__: null,
    due: nowMs() + (delay === null ? 0 : ms),
    delay: ms,
    repeat,
    callback,
    args,
    id: ++ids,
    ref: true,
    queued: false,
    previous: null,
    next: null,
  } as unknown as Entry;
  const handle = new Handle(entry);
  (entry as { handle: object }).handle = handle;
  enqueue(entry);
  return handle;
}

function clear(handle: unknown): void {
  if (typeof handle === 'object' && handle !== null) {
    for (let i = 0; i < 2; i++) {
      const entry = lookups[i]!(handle);
      if (entry !== undefined) return dequeue(entry);
    }
  } else if (typeof handle === 'number' || typeof handle === 'string') {
    const entry = byId[+handle];
    if (entry !== undefined) dequeue(entry);
  }
}

export function installTimers(now: () => number): void {
  nowMs = now;
  const Timeout = makeHandleClass('Timeout');
  const Immediate = makeHandleClass('Immediate');
  const put = (name: string, fn: (...args: never[]) => unknown): void => install(globalThis, name, named(name, fn));
  put('setTimeout', (callback: unknown, delay?: unknown, ...args: unknown[]) =>
    start(Timeout, callback, delay ?? 1, false, args),
  );
  put('setInterval', (callback: unknown, delay?: unknown, ...args: unknown[]) =>
    start(Timeout, callback, delay ?? 1, true, args),
  );
  put('setImmediate', (callback: unknown, ...args: unknown[]) => start(Immediate, callback, null, false, args));
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate'])
    put(name, (handle?: unknown) => clear(handle));
}
