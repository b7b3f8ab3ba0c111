/** Connections that several have together: one for each server, made for the first who asks and ended by the last who lets go. */
import { disconnect, type Redis } from './connect.ts';

export interface Held {
  readonly redis: Redis;
  /** By whomever. */
  isRetired(): boolean;
  /** The holder is done with it, and the connection is as good as before. */
  release(): void;
  /** It broke: who asks from now on gets another one. Those who have it still decide for themselves. */
  retire(): void;
}

interface Shared {
  readonly redis: Promise<Redis>;
  users: number;
}

export class SharedConnections {
  readonly #open = new Map<string, Shared>();

  /** `connect` is asked when there is none yet; what it rejects with is for everybody who waits for it. */
  async hold(url: string, connect: () => Promise<Redis>): Promise<Held> {
    const shared = this.#open.get(url) ?? this.#begin(url, connect);
    shared.users++;
    let redis: Redis;
    try {
      redis = await shared.redis;
    } catch (error) {
      this.#forget(url, shared);
      throw error;
    }
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      if (--shared.users > 0) return;
      this.#forget(url, shared);
      disconnect(redis);
    };
    const retire = () => {
      this.#forget(url, shared);
      release();
    };
    return { redis, isRetired: () => this.#open.get(url) !== shared, release, retire };
  }

  #begin(url: string, connect: () => Promise<Redis>): Shared {
    const shared = { redis: connect(), users: 0 };
    this.#open.set(url, shared);
    return shared;
  }

  #forget(url: string, shared: Shared): void {
    if (this.#open.get(url) === shared) this.#open.delete(url);
  }
}
