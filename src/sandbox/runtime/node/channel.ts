/** One channel of node:diagnostics_channel: subscribers, and stores of AsyncLocalStorage that are entered with its messages. */
import { apply } from '../host.ts';

type Name = string | symbol;
type Subscriber = (message: unknown, name: Name) => void;
type Fn = (...args: unknown[]) => unknown;
type Transform = (message: unknown) => unknown;

interface Store {
  run(value: unknown, fn: Fn): unknown;
}

export class Channel {
  readonly name: Name;
  #subscribers: Subscriber[] = [];
  readonly #stores = new Map<Store, Transform | undefined>();

  constructor(name: Name) {
    this.name = name;
  }
  get hasSubscribers(): boolean {
    return this.#subscribers.length > 0 || this.#stores.size > 0;
  }
  subscribe(subscriber: Subscriber): void {
    this.#subscribers = [...this.#subscribers, subscriber];
  }
  unsubscribe(subscriber: Subscriber): boolean {
    const before = this.#subscribers.length;
    this.#subscribers = this.#subscribers.filter((one) => one !== subscriber);
    return this.#subscribers.length < before;
  }
  bindStore(store: Store, transform?: Transform): void {
    this.#stores.set(store, transform);
  }
  unbindStore(store: Store): boolean {
    return this.#stores.delete(store);
  }
  publish(message: unknown): void {
    for (const subscriber of this.#subscribers) subscriber(message, this.name);
  }
  runStores(message: unknown, fn: Fn, self?: unknown, ...args: unknown[]): unknown {
    let run = (): unknown => {
      this.publish(message);
      return apply(fn, self, args) as unknown;
    };
    for (const [store, transform] of this.#stores) {
      const inner = run;
      run = () => store.run(transform === undefined ? message : transform(message), inner);
    }
    return run();
  }
}
