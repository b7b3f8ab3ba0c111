/** What goes wrong in a simulated run, and when: chosen by the seed, kinds and weights too (swarm), and written down for the checker. */
import type { Side } from '../chaos/lab/points.ts';
import { CrashPoints } from './crash-points.ts';
import type { DaemonProcess } from './daemon-process.ts';
import type { History } from './history.ts';
import type { Crash } from './points.ts';
import { RENEW_MS } from './turn-jobs.ts';
import type { World } from './world.ts';

export type CallFault = 'crash before' | 'crash after' | 'lost before' | 'lost after' | 'sent twice' | 'stall before';

const CALL_FAULTS: readonly CallFault[] = ['crash before', 'crash after', 'lost before', 'lost after', 'sent twice'];
/** Long enough to lose the lease for certain, and short stalls that do not. */
const FREEZE_MS = [
  [100, 3_000],
  [6_000, 14_000],
] as const;
/** A stall at a step comes at one of the first so many steps of turns, and ends after one of the next holder's first calls, or after so many ms. */
const STALL_AT_STEP_MAX = 15;
const STALL_UNTIL_CALL_MAX = 1;
const STALL_MS_MAX = 14_000;

/** Calls of a turn (redis-ports.ts), and the steps by which a shard changes hands or moves. */
const TURN_CALL = /^turn: /;
const TURN_STEP = /^turn: script (take|settle)$/;

interface Stall {
  readonly daemon: DaemonProcess;
  /** Calls of the next holder's turn until it ends. */
  left: number;
  readonly end: () => void;
}

/** A renewal, and its answer where it is sent twice. */
const RENEWED_MS = RENEW_MS + 500;

export class Nemesis {
  /** Of each kind: how many were done. */
  readonly done = new Map<string, number>();
  readonly #world: World;
  readonly #history: History;
  readonly #restart: () => void;
  readonly #kinds: readonly CallFault[];
  readonly #perCall: number;
  readonly #wakes: { readonly lost: number; readonly twice: number };
  /** Numbers of steps of turns. */
  readonly #stallsAt: Set<number>;
  readonly #stalls = new Set<Stall>();
  #steps = 0;
  #over = false;
  #serial = 0;

  readonly points: CrashPoints;

  constructor(
    world: World,
    history: History,
    plan: { readonly stalls: number; readonly crashes: readonly Crash[] },
    restart: () => void,
  ) {
    const { random } = world;
    this.points = new CrashPoints(plan.crashes);
    [this.#world, this.#history, this.#restart] = [world, history, restart];
    this.#kinds = random.some(CALL_FAULTS, random.between(0, CALL_FAULTS.length));
    this.#perCall = random.pick([0.002, 0.01, 0.04]);
    this.#stallsAt = new Set(Array.from({ length: plan.stalls }, () => random.between(1, STALL_AT_STEP_MAX)));
    this.#wakes = { lost: random.pick([0, 0, 0.3]), twice: random.pick([0, 0.3]) };
  }

  /** From now on everything works. */
  end(): void {
    this.#over = true;
  }

  /** `call`: its name, if it is more than a first try with a script that nobody knows. */
  atCall(daemon: DaemonProcess, call: string | null): CallFault | null {
    if (call !== null && TURN_STEP.test(call) && this.#stallsAt.has(++this.#steps) && !this.#over) {
      this.#stall(daemon);
      return 'stall before';
    }
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
    this.#world.in(ms, daemon.freeze());
    // A lock that was had before is nearly over when it wakes up, and a turn that begins then loses it unless the first renewal comes in time.
    this.#say('freeze', ms + RENEWED_MS);
  }

  /**
   * It stands still within a turn, and goes on when its successor is between the first steps of its own: at a random moment nearly nobody
   * would wake up just then.
   */
  #stall(daemon: DaemonProcess): void {
    const [goesOn, heal] = [daemon.freeze(), this.#begin('stall')];
    const stall: Stall = {
      daemon,
      left: this.#world.random.between(0, STALL_UNTIL_CALL_MAX),
      end: () => {
        if (!this.#stalls.delete(stall)) return;
        goesOn();
        this.#world.in(RENEWED_MS, heal);
      },
    };
    this.#stalls.add(stall);
    this.#world.in(STALL_MS_MAX, stall.end);
  }

  /** `daemon` is about to make a call, or has it done. */
  pass(daemon: DaemonProcess, call: string | null, side: Side): void {
    if (daemon.alive && this.points.strikes(call, side)) this.crash(daemon);
  }

  /** It has arrived there, and done what it does. */
  arrived(daemon: DaemonProcess, call: string | null): void {
    this.pass(daemon, call, 'after');
    const { id } = daemon;
    if (call === null || !TURN_CALL.test(call)) return;
    for (const stall of this.#stalls) if (stall.daemon.id !== id && stall.left-- <= 0) stall.end();
  }

  trimmed(): void {
    this.#say('trimmed', 1_000);
  }

  #say(fault: string, ms: number): void {
    this.#world.in(ms, this.#begin(fault));
  }

  /** What is returned says that it is over. */
  #begin(fault: string): () => void {
    this.done.set(fault, (this.done.get(fault) ?? 0) + 1);
    const id = `${fault} ${++this.#serial}`;
    this.#history.add({ kind: 'fault', fault, id, phase: 'begin', shards: '*' });
    return () => this.#history.add({ kind: 'fault', fault, id, phase: 'healed', shards: '*' });
  }
}
