/**
 * When a function that loses its children may start the next one. It may lose some at once; then it is given one start at a time, each later
 * than the last while they come to nothing. Only starts are held back: who finds a warm child runs. Kept per version, so that a fix begins
 * with a clean sheet. Pure: the caller brings the time.
 */
import { CHILD_START_EVERY_FIRST_MS, CHILD_START_EVERY_MAX_MS } from '../limits.ts';

interface Account {
  /** Starts that may follow at once, of `lossesAtOnce`; grows by one each `everyMs`. */
  allowance: number;
  everyMs: number;
  /** Up to when the allowance has grown. */
  asOf: number;
}

export class StartBrake {
  /** Version hash → account; only of versions that lost a child lately. */
  readonly #accounts = new Map<string, Account>();
  readonly #lossesAtOnce: number;

  constructor(lossesAtOnce: number) {
    this.#lossesAtOnce = lossesAtOnce;
  }

  /** Ms until the version may start a child; 0: now. */
  waitMs(hash: string, now: number): number {
    const account = this.#current(hash, now);
    return account === undefined || account.allowance >= 1 ? 0 : (1 - account.allowance) * account.everyMs;
  }

  /** What a start costs at present; 0 ms for a version that is not slowed. */
  everyMs(hash: string, now: number): number {
    const account = this.#current(hash, now);
    return account === undefined || account.allowance >= 1 ? 0 : account.everyMs;
  }

  /** True when the start was taken from the allowance: the caller says later what became of it. */
  started(hash: string, now: number): boolean {
    const account = this.#current(hash, now);
    if (account === undefined) return false;
    account.allowance = Math.max(0, account.allowance - 1);
    return true;
  }

  /** A child was lost by the function's doing. `paid`: its start was taken from the allowance. */
  lost(hash: string, paid: boolean, now: number): void {
    const account = this.#current(hash, now) ?? this.#open(hash, now);
    if (!paid) account.allowance = Math.max(0, account.allowance - 1);
    else if (account.allowance < 1) account.everyMs = Math.min(2 * account.everyMs, CHILD_START_EVERY_MAX_MS);
  }

  /** An invocation left its child alive. */
  survived(hash: string, paid: boolean, now: number): void {
    const account = this.#current(hash, now);
    if (account === undefined) return;
    account.everyMs = CHILD_START_EVERY_FIRST_MS;
    if (paid) account.allowance = Math.min(this.#lossesAtOnce, account.allowance + 1);
  }

  #open(hash: string, now: number): Account {
    // Those of versions that are gone would stay: nobody asks for them any more.
    for (const other of [...this.#accounts.keys()]) this.#current(other, now);
    const account = { allowance: this.#lossesAtOnce, everyMs: CHILD_START_EVERY_FIRST_MS, asOf: now };
    this.#accounts.set(hash, account);
    return account;
  }

  #current(hash: string, now: number): Account | undefined {
    const account = this.#accounts.get(hash);
    if (account === undefined) return undefined;
    account.allowance += (now - account.asOf) / account.everyMs;
    account.asOf = now;
    if (account.allowance < this.#lossesAtOnce) return account;
    this.#accounts.delete(hash);
    return undefined;
  }
}
