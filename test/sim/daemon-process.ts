/**
 * One simulated daemon process, as far as it can be lost: every wait of the engine's code in it goes through here. Dead, it hears nothing
 * any more; frozen, it hears everything late. What it had sent arrives at Redis all the same.
 */
import { MillraceError } from '../../src/errors.ts';
import type { Side } from '../chaos/lab/points.ts';
import type { Clock } from '../../src/time.ts';
import type { Nemesis } from './nemesis.ts';
import type { World } from './world.ts';

/** What a dead process hears. */
const NEVER = new Promise<never>(() => undefined);

export class DaemonProcess {
  readonly id: string;
  readonly world: World;
  alive = true;
  readonly clock: Clock;
  readonly #nemesis: Nemesis;
  /** How many stalls it is in. */
  #still = 0;
  #late: (() => void)[] = [];

  constructor(world: World, nemesis: Nemesis, id: string, wallOffsetMs: number) {
    this.world = world;
    this.#nemesis = nemesis;
    this.id = id;
    const startedAt = world.nowMs;
    this.clock = {
      wallMs: () => Math.floor(world.nowMs) + wallOffsetMs,
      monoMs: () => world.nowMs - startedAt,
      sleep: (ms) => this.hear(ms, () => undefined),
    };
  }

  /** It stands still until what is returned is called. */
  freeze(): () => void {
    this.#still++;
    return () => {
      if (--this.#still > 0) return;
      for (const arrive of this.#late.splice(0)) this.world.in(0, arrive);
    };
  }

  /** A point at which it may crash: then this never resolves. */
  async pass(call: string | null, side: Side): Promise<void> {
    this.#nemesis.pass(this, call, side);
    if (!this.alive) await NEVER;
  }

  /** Something outside answers after a while; the answer is read when the process can. */
  hear<T>(ms: number, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const arrive = (): void => {
        if (!this.alive) return;
        if (this.#still > 0) return void this.#late.push(arrive);
        try {
          resolve(answer());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      this.world.in(ms, arrive);
    });
  }

  /**
   * A request to something outside, `act`, that happens once it has arrived there. Faults of the connection, and crashes at this very call, come
   * in between. `call`: its name, null where it will be refused for a script that is not known there.
   */
  async ask<T>(call: string | null, act: () => T): Promise<T> {
    const { world } = this;
    this.#nemesis.pass(this, call, 'before');
    if (!this.alive) return await NEVER;
    const fault = this.#nemesis.atCall(this, call);
    if (fault === 'crash before') return await NEVER;
    // What it was about to send goes out first of all when it goes on.
    if (fault === 'stall before') await this.hear(0, () => undefined);
    const there = fault === 'stall before' ? 0.01 : world.some(0.05, 1.5);
    let answer: { readonly value: T } | { readonly error: unknown } | undefined;
    const arrive = (): void => {
      try {
        answer = { value: act() };
      } catch (error) {
        answer = { error };
      }
      this.#nemesis.arrived(this, call);
    };
    if (fault !== 'lost before') world.in(there, arrive);
    // The client sends again what had no answer when the connection was cut.
    if (fault === 'sent twice') world.in(there + world.some(1, 400), arrive);
    if (fault === 'crash after') world.in(there + 0.01, () => this.#nemesis.crash(this));
    const back = there + world.some(0.05, 1.5) + (fault === 'sent twice' ? 400 : 0);
    return await this.hear(back, () => {
      if (fault === 'lost before' || fault === 'lost after' || answer === undefined) {
        throw new MillraceError('redis-unreachable', 'the connection was cut', { hint: 'simulated' });
      }
      if ('error' in answer) throw answer.error;
      return answer.value;
    });
  }
}
