/** Event, EventTarget, AbortController, AbortSignal, DOM standard, as far as code outside a browser can tell. */
import { DOMException } from './dom-exception.ts';
import { hooks } from './host.ts';

export class Event {
  readonly type: string;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly timeStamp = hooks.monoMs();
  target: EventTarget | null = null;
  currentTarget: EventTarget | null = null;
  defaultPrevented = false;
  /** Read by dispatchEvent. */
  stopped = false;

  constructor(type: string, options: { bubbles?: boolean; cancelable?: boolean; composed?: boolean } = {}) {
    this.type = String(type);
    this.bubbles = options.bubbles === true;
    this.cancelable = options.cancelable === true;
    this.composed = options.composed === true;
  }
  preventDefault(): void {
    if (this.cancelable) this.defaultPrevented = true;
  }
  stopImmediatePropagation(): void {
    this.stopped = true;
  }
  stopPropagation(): void {}
}

export class CustomEvent extends Event {
  readonly detail: unknown;
  constructor(type: string, options: { detail?: unknown; cancelable?: boolean } = {}) {
    super(type, options);
    this.detail = options.detail ?? null;
  }
}

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };
type ListenerOptions = boolean | { once?: boolean; signal?: AbortSignal };

export class EventTarget {
  readonly #listeners = new Map<string, Map<Listener, boolean>>();

  addEventListener(type: string, listener: Listener | null, options: ListenerOptions = {}): void {
    if (listener === null || listener === undefined) return;
    const details = typeof options === 'object' && options !== null ? options : {};
    if (details.signal?.aborted === true) return;
    let ofType = this.#listeners.get(type);
    if (ofType === undefined) this.#listeners.set(type, (ofType = new Map()));
    if (!ofType.has(listener)) ofType.set(listener, details.once === true);
    details.signal?.addEventListener('abort', () => this.removeEventListener(type, listener), { once: true });
  }

  static listeners(target: EventTarget, type: string): Listener[] {
    return [...(target.#listeners.get(type)?.keys() ?? [])];
  }

  removeEventListener(type: string, listener: Listener | null): void {
    if (listener !== null) this.#listeners.get(type)?.delete(listener);
  }

  dispatchEvent(event: Event): boolean {
    event.target = event.currentTarget = this;
    const on = (this as unknown as Record<string, unknown>)[`on${event.type}`];
    if (typeof on === 'function') this.#call(on as Listener, event);
    for (const [listener, once] of [...(this.#listeners.get(event.type) ?? [])]) {
      if (event.stopped) break;
      if (once) this.#listeners.get(event.type)?.delete(listener);
      this.#call(listener, event);
    }
    event.currentTarget = null;
    return !event.defaultPrevented;
  }

  #call(listener: Listener, event: Event): void {
    try {
      if (typeof listener === 'function') listener.call(this, event);
      else listener.handleEvent(event);
    } catch (error) {
      // One listener's failure is nobody else's; as in Node it becomes an uncaught exception.
      hooks.reportUncaught(error);
    }
  }
}

export const listenersOf = EventTarget.listeners;
Reflect.deleteProperty(EventTarget, 'listeners');

const INTERNAL = Symbol('internal');

export class AbortSignal extends EventTarget {
  onabort: ((event: Event) => unknown) | null = null;
  #aborted = false;
  #reason: unknown = undefined;

  constructor(key?: symbol) {
    super();
    if (key !== INTERNAL) throw new TypeError('Illegal constructor');
  }
  get aborted(): boolean {
    return this.#aborted;
  }
  get reason(): unknown {
    return this.#reason;
  }
  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }
  static make(): AbortSignal {
    return new AbortSignal(INTERNAL);
  }
  static trigger(signal: AbortSignal, reason: unknown): void {
    if (signal.#aborted) return;
    signal.#aborted = true;
    signal.#reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
    signal.dispatchEvent(new Event('abort'));
  }
  static abort(reason?: unknown): AbortSignal {
    const signal = make();
    trigger(signal, reason);
    return signal;
  }
  static timeout(ms: number): AbortSignal {
    const signal = make();
    const timer = setTimeout(() => {
      trigger(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    }, ms) as unknown as { unref?(): void };
    timer.unref?.();
    return signal;
  }
  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const all = [...signals];
    const signal = make();
    const already = all.find((one) => one.aborted);
    if (already !== undefined) trigger(signal, already.reason);
    else for (const one of all) one.addEventListener('abort', () => trigger(signal, one.reason), { once: true });
    return signal;
  }
}

const { make, trigger } = AbortSignal;
// Ours alone: they would let anybody abort anybody's signal.
Reflect.deleteProperty(AbortSignal, 'make');
Reflect.deleteProperty(AbortSignal, 'trigger');

export class AbortController {
  readonly signal: AbortSignal = make();
  abort(reason?: unknown): void {
    trigger(this.signal, reason);
  }
}
