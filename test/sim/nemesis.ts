/** What goes wrong in a simulated run, and when: chosen by the seed, kinds and weights too (swarm), and written down for the checker. */
import type { DaemonProcess } from './daemon-process.ts';
import type { History } from './history.ts';
import type { World } from './world.ts';

export type CallFault = 'crash before' | 'crash after' | 'lost before' | 'lost after' | 'sent twice';

const CALL_FAULTS: readonly CallFault[] = ['crash before', 'crash after', 'lost before', 'lost after', 'sent twice'];
/** Long enough to lose the lease for certain, and short stalls that do not. */
const FREEZE_MS = [
  [100, 3_000],
  [6_000, 14_000],
] as const;

export class Nemesis {
  /** Of each kind: how many were done. */
  readonly done = new Map<string, number>();
  readonly #world: World;
  readonly #history: History;
  readonly #restart: () => void;
  readonly #kinds: readonly CallFault[];
  readonly #perCall: number;
  readonly #wakes: { readonly lost: number; readonly twice: number };
  #over = false;
  #serial = 0;

  constructor(world: World, history: History, restart: () => void) {
    const { random } = world;
    [this.#world, this.#history, this.#restart] = [world, history, restart];
    this.#kinds = random.some(CALL_FAULTS, random.between(0, CALL_FAULTS.length));
    this.#perCall = random.pick([0.002, 0.01, 0.04]);
    this.#wakes = { lost: random.pick([0, 0, 0.3]), twice: random.pick([0, 0.3]) };
  }

  /** From now on everything works. */
  end(): void {
    this.#over = true;
  }

  atCall(daemon: DaemonProcess): CallFault | null {
    if (this.#over || this.#kinds.length === 0 || !this.#world.random.chance(this.#perCall)) return null;
    const kind = this.#world.random.pick(this.#kinds);
    if (kind === 'crash before') this.crash(daemon);
    // A lost connection is over at once: the next call finds a new one.
    else if (kind !== 'crash after') this.#say(kind, 1_000);
    return kind;
  }

  /** How often a wake arrives. */
  wakes(): number {
    if (this.#over) return 1;
    const { random } = this.#world;
    if (random.chance(this.#wakes.lost)) return 0;
    return random.chance(this.#wakes.twice) ? 2 : 1;
  }

  crash(daemon: DaemonProcess): void {
    if (!daemon.alive) return;
    daemon.alive = false;
    const ms = this.#world.some(10, 2_000);
    this.#say('crash', ms);
    this.#world.in(ms, this.#restart);
  }

  freeze(daemon: DaemonProcess): void {
    const [from, to] = this.#world.random.pick(FREEZE_MS);
    const ms = this.#world.some(from, to);
    daemon.frozenUntil = this.#world.nowMs + ms;
    this.#say('freeze', ms);
  }

  trimmed(): void {
    this.#say('trimmed', 1_000);
  }

  #say(fault: string, ms: number): void {
    this.done.set(fault, (this.done.get(fault) ?? 0) + 1);
    const id = `${fault} ${++this.#serial}`;
    this.#history.add({ kind: 'fault', fault, id, phase: 'begin', shards: '*' });
    this.#world.in(ms, () => this.#history.add({ kind: 'fault', fault, id, phase: 'healed', shards: '*' }));
  }
}
