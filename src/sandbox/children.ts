/**
 * Which children there are and who gets one: bounded by count, by promised memory and per function; idle ones are evicted least recently
 * used first; who finds none waits, first come first served, but a child of the right version is handed on rather than thrown away.
 */
import {
  CHILD_BASE_MB,
  CHILD_GROW_AFTER_MS,
  CHILD_GROW_STARTING_MS,
  CHILD_START_SPREAD_MAX_MS,
  CHILD_WAIT_MS_MAX,
} from '../limits.ts';
import type { SandboxChild } from './child-process.ts';
import { StartBrake } from './start-brake.ts';
import type { FunctionVersion } from './types.ts';

export interface ChildrenBounds {
  readonly count: number;
  readonly perFunction: number;
  readonly memoryMb: number;
  /** So many of one version are started as soon as they are wanted; one more only for who has waited CHILD_GROW_AFTER_MS. */
  readonly atOnce: number;
  /** Children that a version may lose at once before its starts are spaced. */
  readonly lossesAtOnce: number;
}

/** A place for one child; `child` is null until there is a process in it. */
export interface Slot {
  readonly version: FunctionVersion;
  child: SandboxChild | null;
  /** The function is loaded in it. */
  loaded: boolean;
  /** Its start was taken from what the version may still lose (start-brake.ts), and it has not shown yet that it was worth it. */
  paid: boolean;
}

/** Why there is no slot. `slowed`: the version lost its children too often, and has none to wait for. */
export type NoSlot = 'closed' | 'taken' | 'slowed';

interface Waiter {
  readonly version: FunctionVersion;
  readonly since: number;
  /** Has nothing to give back meanwhile: waits although the version is slowed. */
  readonly patient: boolean;
  readonly give: (got: Slot | NoSlot) => void;
}

/** A waiter of another version goes first once it has waited this long: below, keeping a warm child is worth more. */
const HAND_ON_MS = 50;

export class Children {
  readonly #bounds: ChildrenBounds;
  readonly #slots = new Set<Slot>();
  /** Idle ones, least recently used first. */
  readonly #idle = new Set<Slot>();
  #waiters: Waiter[] = [];
  readonly #brake: StartBrake;
  /** Version hash → invocations told to come again since its last start. */
  readonly #heldOff = new Map<string, number>();
  /** While somebody waits: looks whether they have waited long enough for another child. */
  #growing: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(bounds: ChildrenBounds) {
    this.#bounds = bounds;
    this.#brake = new StartBrake(bounds.lossesAtOnce);
  }

  slots(): Iterable<Slot> {
    return this.#slots;
  }

  idle(): Iterable<Slot> {
    return this.#idle;
  }

  /** A warm child's slot, an empty one, or why there was none in time. The caller releases or drops it. */
  async acquire(version: FunctionVersion, patient: boolean): Promise<Slot | NoSlot> {
    if (this.#closed) return 'closed';
    const now = this.#waiters.length === 0 || this.#warm(version) !== undefined ? this.#take(version, 0) : null;
    if (now !== null) return now;
    if (!patient && this.holdOffMs(version) > 0) return 'slowed';
    return new Promise((resolve) => {
      const waiter: Waiter = {
        version,
        since: performance.now(),
        patient,
        give: (got) => {
          clearTimeout(timer);
          this.#waiters = this.#waiters.filter((other) => other !== waiter);
          resolve(got);
        },
      };
      const timer = setTimeout(() => waiter.give('taken'), CHILD_WAIT_MS_MAX);
      this.#waiters.push(waiter);
      this.#growing ??= setInterval(() => this.#lookAtWaiters(), CHILD_GROW_AFTER_MS / 2);
      // Room may exist already when only others' waiting made this one wait.
      this.#serve();
    });
  }

  /** Ms for which nobody needs to ask for a child of the version: it may not start one, and has none that could come free. */
  holdOffMs(version: FunctionVersion): number {
    const { hash } = version;
    const now = performance.now();
    const wait = this.#brake.waitMs(hash, now);
    if (wait === 0) return 0;
    for (const slot of this.#slots) if (slot.version.hash === hash) return 0;
    const others = this.#heldOff.get(hash) ?? 0;
    this.#heldOff.set(hash, others + 1);
    // One start will come of the wait: who asked later looks again later, so that not all come for it.
    const spread = Math.min(this.#brake.everyMs(hash, now) * others, CHILD_START_SPREAD_MAX_MS);
    return Math.ceil(wait + Math.random() * spread);
  }

  /** For `status`. */
  slowed(version: string): { readonly forMs: number; readonly everyMs: number } {
    const now = performance.now();
    return { forMs: this.#brake.waitMs(version, now), everyMs: this.#brake.everyMs(version, now) };
  }

  /** Back after use, its child still good. */
  release(slot: Slot): void {
    if (slot.child === null || !slot.child.alive) return this.drop(slot);
    const now = performance.now();
    this.#brake.survived(slot.version.hash, slot.paid, now);
    slot.paid = false;
    slot.child.idleSinceMono = now;
    const heir = this.#heirOf(slot);
    if (heir !== undefined) return heir.give(slot);
    this.#idle.add(slot);
    this.#serve();
  }

  /** Who waits for a child of this version, unless somebody else has already waited too long for any. */
  #heirOf(slot: Slot): Waiter | undefined {
    const heir = this.#waiters.find((waiter) => waiter.version.hash === slot.version.hash);
    const patient =
      this.#waiters.length === 0 ||
      this.#waiters[0] === heir ||
      performance.now() - this.#waiters[0]!.since < HAND_ON_MS;
    return patient ? heir : undefined;
  }

  /** The child is gone or used up. `lost`: the function's doing, which slows its next start down. */
  drop(slot: Slot, lost = false): void {
    if (!this.#slots.delete(slot)) return;
    this.#idle.delete(slot);
    slot.child?.kill('used-up');
    if (lost) this.#brake.lost(slot.version.hash, slot.paid, performance.now());
    this.#serve();
    this.#turnAway(slot.version);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#growing);
    for (const waiter of [...this.#waiters]) waiter.give('closed');
  }

  /** Waiters of a version that has just lost its last child and may not start another now: they hold a turn, and would hold it for nothing. */
  #turnAway(version: FunctionVersion): void {
    for (const waiter of this.#waiters.filter((one) => one.version.hash === version.hash && !one.patient))
      if (this.holdOffMs(version) > 0) waiter.give('slowed');
  }

  #warm(version: FunctionVersion): Slot | undefined {
    // The most recently used one: the others may become old enough to be reaped.
    let found: Slot | undefined;
    for (const slot of this.#idle) if (slot.version.hash === version.hash && slot.child?.alive === true) found = slot;
    return found;
  }

  #lookAtWaiters(): void {
    if (this.#waiters.length > 0) return this.#serve();
    clearInterval(this.#growing);
    this.#growing = undefined;
  }

  /**
   * Handlers that are quick share few children: more of them would only share the same cores, each with its own heap and its own code to
   * compile. Who waits for slow ones gets a child of its own.
   */
  #mayGrow(version: FunctionVersion, waitedMs: number): boolean {
    let ofVersion = 0;
    let loading = false;
    for (const slot of this.#slots) {
      if (slot.version.hash !== version.hash) continue;
      ofVersion++;
      loading ||= !slot.loaded;
    }
    if (ofVersion < this.#bounds.atOnce) return true;
    return waitedMs >= (loading ? CHILD_GROW_STARTING_MS : CHILD_GROW_AFTER_MS);
  }

  #take(version: FunctionVersion, waitedMs: number): Slot | null {
    const warm = this.#warm(version);
    if (warm !== undefined) {
      this.#idle.delete(warm);
      return warm;
    }
    if (!this.#mayGrow(version, waitedMs) || this.#brake.waitMs(version.hash, performance.now()) > 0) return null;
    let ofFunction = 0;
    for (const slot of this.#slots) if (slot.version.name === version.name && !this.#idle.has(slot)) ofFunction++;
    if (ofFunction >= this.#bounds.perFunction) return null;
    while (!this.#fits(version)) {
      const oldest = this.#idle.values().next();
      if (oldest.done === true) return null;
      this.#idle.delete(oldest.value);
      this.#slots.delete(oldest.value);
      oldest.value.child?.kill('evicted');
    }
    this.#heldOff.delete(version.hash);
    const paid = this.#brake.started(version.hash, performance.now());
    const slot: Slot = { version, child: null, loaded: false, paid };
    this.#slots.add(slot);
    return slot;
  }

  #fits(version: FunctionVersion): boolean {
    // One child always fits: a function larger than the budget runs alone.
    if (this.#slots.size === 0) return true;
    let promised = version.memorySizeMb + CHILD_BASE_MB;
    for (const slot of this.#slots) promised += slot.version.memorySizeMb + CHILD_BASE_MB;
    return this.#slots.size < this.#bounds.count && promised <= this.#bounds.memoryMb;
  }

  #serve(): void {
    if (this.#closed) return;
    // In order, but one at its function's own bound does not hold up the others.
    const now = performance.now();
    for (const waiter of [...this.#waiters]) {
      const slot = this.#take(waiter.version, now - waiter.since);
      if (slot !== null) waiter.give(slot);
    }
  }
}
