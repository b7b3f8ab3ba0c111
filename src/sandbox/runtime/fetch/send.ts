/** The way out for requests: whatever a handler did to prototypes has no say in what is sent. */
import type { FetchDone, FetchRequestHead } from '../hooks.ts';
import { define, hooks, isArray } from '../host.ts';

export function sendRequest(head: FetchRequestHead, body: Uint8Array | null, done: FetchDone): number {
  withoutToJson(head.headers);
  return hooks.startFetch(withoutToJson({ ...head }), body, done);
}

export function cancelRequest(id: number): void {
  hooks.cancelFetch(id);
}

/** A toJSON that somebody put on Object.prototype or Array.prototype is not asked. */
function withoutToJson<T extends object>(value: T): T {
  define(value, 'toJSON', undefined);
  if (isArray(value)) for (let i = 0; i < value.length; i++) define(value[i] as object, 'toJSON', undefined);
  return value;
}
