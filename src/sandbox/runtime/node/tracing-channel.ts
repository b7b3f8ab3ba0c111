/** The five channels of one traced action: start, end, asyncStart, asyncEnd, error. */
import { apply } from '../host.ts';
import type { Channel } from './channel.ts';

type Fn = (...args: unknown[]) => unknown;
type Message = Record<string, unknown>;
type Subscriber = (message: unknown, name: string | symbol) => void;

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
type Event = (typeof EVENTS)[number];

export class TracingChannel {
  declare readonly start: Channel;
  declare readonly end: Channel;
  declare readonly asyncStart: Channel;
  declare readonly asyncEnd: Channel;
  declare readonly error: Channel;

  constructor(channelOf: (event: Event) => Channel) {
    for (const event of EVENTS) (this as Record<Event, Channel>)[event] = channelOf(event);
  }
  get hasSubscribers(): boolean {
    return EVENTS.some((event) => this[event].hasSubscribers);
  }
  subscribe(handlers: Partial<Record<Event, Subscriber>>): void {
    for (const event of EVENTS) if (handlers[event] !== undefined) this[event].subscribe(handlers[event]);
  }
  unsubscribe(handlers: Partial<Record<Event, Subscriber>>): boolean {
    return EVENTS.filter((event) => handlers[event] !== undefined)
      .map((event) => this[event].unsubscribe(handlers[event]!))
      .every(Boolean);
  }

  traceSync(fn: Fn, message: Message = {}, self?: unknown, ...args: unknown[]): unknown {
    return this.start.runStores(message, () => {
      try {
        return (message['result'] = apply(fn, self, args) as unknown);
      } catch (error) {
        this.#failed(message, error);
        throw error;
      } finally {
        this.end.publish(message);
      }
    });
  }

  tracePromise(fn: Fn, message: Message = {}, self?: unknown, ...args: unknown[]): unknown {
    const settled = (): void => {
      this.asyncStart.publish(message);
      this.asyncEnd.publish(message);
    };
    const follow = (): Promise<unknown> =>
      Promise.resolve(apply(fn, self, args) as unknown).then(
        (result) => {
          message['result'] = result;
          settled();
          return result;
        },
        (error: unknown) => {
          this.#failed(message, error);
          settled();
          throw error;
        },
      );
    return this.start.runStores(message, () => {
      try {
        return follow();
      } catch (error) {
        this.#failed(message, error);
        throw error;
      } finally {
        this.end.publish(message);
      }
    });
  }

  traceCallback(fn: Fn, position = -1, message: Message = {}, self?: unknown, ...args: unknown[]): unknown {
    const at = position < 0 ? args.length + position : position;
    const callback = args[at] as Fn;
    if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function.');
    args[at] = (...results: unknown[]): unknown => {
      if (results[0]) this.#failed(message, results[0]);
      else message['result'] = results[1];
      return this.asyncStart.runStores(message, () => {
        try {
          return apply(callback, undefined, results) as unknown;
        } finally {
          this.asyncEnd.publish(message);
        }
      });
    };
    return this.start.runStores(message, () => {
      try {
        return apply(fn, self, args) as unknown;
      } catch (error) {
        this.#failed(message, error);
        throw error;
      } finally {
        this.end.publish(message);
      }
    });
  }

  #failed(message: Message, error: unknown): void {
    message['error'] = error;
    this.error.publish(message);
  }
}
