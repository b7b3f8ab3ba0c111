/** One direction of one connection of a link: what arrives leaves in its order, when the weather lets it. */
import type { Socket } from 'node:net';

/** Of one direction of a link; it changes while bytes are on their way. */
export interface Weather {
  held: boolean;
  latencyMs: number;
  bytesPerSecond: number;
}

/** What is on its way at most; beyond it the sender is no longer read, as with a full window. */
const ON_THE_WAY_BYTES = 1024 * 1024;
/** A drip is made of portions that far apart. */
const DRIP_EVERY_MS = 20;
/** The torn half of a reply is read before the reset overtakes it. */
const TORN_MS = 20;

/** `null`: the sender said that it is done. */
type Item = { readonly chunk: Buffer | null; readonly dueAt: number };

export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: Weather;
  readonly #touch: () => void;
  readonly #queue: Item[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #torn: (() => void) | null = null;

  constructor(from: Socket, to: Socket, weather: Weather, touch: () => void) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    this.#touch = touch;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#take(null));
  }

  /** Half of what comes next, then `then`. */
  tearNext(then: () => void): void {
    this.#torn = then;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(chunk: Buffer | null): void {
    if (this.#stopped) return;
    const { held, latencyMs, bytesPerSecond } = this.#weather;
    if (held || latencyMs > 0 || bytesPerSecond < Infinity) this.#touch();
    this.#queue.push({ chunk, dueAt: performance.now() + latencyMs });
    this.#bytes += chunk?.length ?? 0;
    if (this.#bytes > ON_THE_WAY_BYTES) this.#from.pause();
    // One that waits already goes first.
    if (this.#timer === undefined) this.pump();
  }

  /** Sends what may leave now; called anew whenever the weather changes for the better. */
  pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let head = this.#queue[0]; head && !this.#stopped && !this.#weather.held; head = this.#queue[0]) {
      // In fair weather what is left of a bad one leaves at once.
      const waitMs = this.#weather.latencyMs > 0 ? head.dueAt - performance.now() : 0;
      if (waitMs > 0) return this.#again(waitMs);
      this.#queue.shift();
      if (!head.chunk) this.#to.end();
      else if (this.#torn) return this.#tear(head.chunk, this.#torn);
      else if (this.#send(head.chunk, head.dueAt)) return this.#again(DRIP_EVERY_MS);
    }
  }

  #again(ms: number): void {
    this.#timer = setTimeout(() => this.pump(), ms);
  }

  /** True where that is all for now. */
  #send(chunk: Buffer, dueAt: number): boolean {
    const portion = Math.max(1, Math.floor((this.#weather.bytesPerSecond * DRIP_EVERY_MS) / 1_000));
    const part = chunk.subarray(0, portion);
    if (part.length < chunk.length) this.#queue.unshift({ chunk: chunk.subarray(part.length), dueAt });
    this.#to.write(part);
    this.#bytes -= part.length;
    if (this.#bytes <= ON_THE_WAY_BYTES) this.#from.resume();
    return this.#weather.bytesPerSecond < Infinity;
  }

  #tear(chunk: Buffer, then: () => void): void {
    this.#to.write(chunk.subarray(0, Math.floor(chunk.length / 2)));
    this.#queue.length = 0;
    this.#timer = setTimeout(then, TORN_MS);
  }
}
