/** What node:events has for waiting: once and on, for emitters and event targets alike. */
import { AbortSignal, listenersOf } from '../abort.ts';
import { invalidArgument, nodeError } from '../errors.ts';
import type { Emitter, Listener } from './emitter.ts';

type Target = Emitter | EventTarget;

/** As Node: the signal's reason is the cause. */
function abortError(signal: AbortSignal): Error {
  const error = nodeError(Error, 'ABORT_ERR', 'The operation was aborted');
  error.name = 'AbortError';
  return Object.assign(error, { cause: signal.reason });
}

function listen(target: Target, name: string, listener: Listener, once = false): () => void {
  if ('addEventListener' in target) {
    target.addEventListener(name, listener as never, { once });
    return () => target.removeEventListener(name, listener as never);
  }
  if (once) target.once(name, listener);
  else target.on(name, listener);
  return () => void target.removeListener(name, listener);
}

export function once(target: Target, name: string, options: { signal?: AbortSignal } = {}): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    if (signal?.aborted === true) return reject(abortError(signal));
    const stops: (() => void)[] = [];
    const settle = (act: () => void) => {
      for (const stop of stops) stop();
      act();
    };
    stops.push(listen(target, name, (...args) => settle(() => resolve(args)), true));
    if (name !== 'error' && !('addEventListener' in target))
      stops.push(listen(target, 'error', (error) => settle(() => reject(error as Error)), true));
    if (signal !== undefined)
      stops.push(listen(signal as never, 'abort', () => settle(() => reject(abortError(signal))), true));
    return undefined;
  });
}

interface Waiting {
  resolve(result: IteratorResult<unknown[], undefined>): void;
  reject(reason: unknown): void;
}

/** Listens from the call on, not from the first `next`: events in between are kept. */
export function on(
  target: Target,
  name: string,
  options: { signal?: AbortSignal; close?: readonly string[] } = {},
): AsyncIterableIterator<unknown[], undefined> {
  const { signal } = options;
  if (signal?.aborted === true) throw abortError(signal);
  const events: unknown[][] = [];
  const waiting: Waiting[] = [];
  let failure: { reason: unknown } | undefined;
  let finished = false;
  const finish = () => {
    finished = true;
    for (const stop of stops) stop();
    for (const one of waiting.splice(0)) one.resolve({ done: true, value: undefined });
  };
  const fail = (reason: unknown) => {
    const first = waiting.shift();
    if (first !== undefined) first.reject(reason);
    else failure = { reason };
    finish();
  };
  const stops = [
    listen(target, name, (...args) => {
      const first = waiting.shift();
      if (first !== undefined) first.resolve({ done: false, value: args });
      else events.push(args);
    }),
  ];
  if (name !== 'error' && !('addEventListener' in target)) stops.push(listen(target, 'error', fail));
  for (const event of options.close ?? []) stops.push(listen(target, event, finish));
  if (signal !== undefined) stops.push(listen(signal as never, 'abort', () => fail(abortError(signal)), true));
  return {
    next() {
      if (events.length > 0) return Promise.resolve({ done: false, value: events.shift()! });
      if (failure !== undefined) {
        const { reason } = failure;
        failure = undefined;
        return Promise.reject(reason as Error);
      }
      if (finished) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return() {
      finish();
      return Promise.resolve({ done: true, value: undefined });
    },
    throw(reason: unknown) {
      fail(reason);
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

export function addAbortListener(signal: AbortSignal, listener: () => void): Disposable {
  if (!(signal instanceof AbortSignal)) throw invalidArgument('signal', 'an instance of AbortSignal', signal);
  if (signal.aborted) queueMicrotask(() => listener());
  else signal.addEventListener('abort', listener, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', listener) };
}

export function getEventListeners(target: Target, name: string): unknown[] {
  return 'listeners' in target ? target.listeners(name) : listenersOf(target as never, name);
}
