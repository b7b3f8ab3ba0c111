/** What an event emitter of Node can do. */

export type Listener = (...args: unknown[]) => unknown;

export interface Emitter {
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
  listenerCount(name: PropertyKey, listener?: Listener): number;
  eventNames(): PropertyKey[];
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
}
