/**
 * One simulated daemon process, as far as it can be lost: every wait of the engine's code in it goes through here. Dead, it hears nothing
 * any more; frozen, it hears everything late. What it had sent arrives at Redis all the same.
 */
import { MillraceError } from '../../src/errors.ts';
import type { Clock } from '../../src/time.ts';
import type { Nemesis } from './nemesis.ts';
import type { World } from './world.ts';

export class DaemonProcess {
  readonly id: string;
  readonly world: World;
  alive = true;
  /** Virtual ms at which it goes on. */
  frozenUntil = 0;
  readonly clock: Clock;
  readonly #nemesis: Nemesis;

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

  /** Something outside answers after a while; the answer is read when the process can. */
  hear<T>(ms: number, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const arrive = (): void => {
        if (!this.alive) return;
        if (this.frozenUntil > this.world.nowMs) return this.world.in(this.frozenUntil - this.world.nowMs, arrive);
        try {
          resolve(answer());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      this.world.in(ms, arrive);
    });
  }

  /** A request to something outside, `act`, that happens once it has arrived there. Faults of the connection, and crashes at this very call, come in between. */
  async ask<T>(act: () => T): Promise<T> {
    const { world } = this;
    const fault = this.#nemesis.atCall(this);
    if (fault === 'crash before') return await new Promise(() => undefined);
    const there = world.some(0.05, 1.5);
    let answer: { readonly value: T } | { readonly error: unknown } | undefined;
    const arrive = (): void => {
      try {
        answer = { value: act() };
      } catch (error) {
        answer = { error };
      }
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
