/** The daemons of a run: as many as its plan has, each replaced when it is gone; a strike has its own to itself. */
import { eventually } from '../../support/daemon.ts';
import type { Lab, LabDaemon } from '../lab/lab.ts';
import type { Link } from '../lab/link.ts';
import type { Random } from '../lab/random.ts';
import { hasRole, type Role } from './fault.ts';

const READY_MS_MAX = 60_000;

export class Daemons {
  readonly #lab: Lab;
  readonly #layout: readonly (readonly string[])[];
  /** One for each of the layout; none: they reach Redis straight. A successor has that of the one before. */
  readonly #links: readonly Link[];
  readonly #taken = new Set<LabDaemon>();
  /** Who chooses a daemon, after who came before: two that look at once would both choose the same. */
  #choosing: Promise<unknown> = Promise.resolve();

  constructor(lab: Lab, layout: readonly (readonly string[])[], links: readonly Link[]) {
    this.#lab = lab;
    this.#layout = layout;
    this.#links = links;
  }

  /** All of the layout, and waits for them. */
  async startAll(): Promise<void> {
    const started = this.#layout.map((args, index) => this.#lab.startOver(this.#links[index] ?? null, ...args));
    await Promise.all(started.map(({ process }) => process.ready));
  }

  /** For one that was ended; does not wait for it. */
  replace({ args, link }: LabDaemon): LabDaemon {
    return this.#lab.startOver(link, ...args);
  }

  /** No strike has it. */
  spare(daemon: LabDaemon): void {
    this.#taken.add(daemon);
  }

  /**
   * One of the role that no other strike has, when another one is there to take over; by preference one that `busy` names, so that the
   * strike hits. `body` has it until it resolves.
   */
  async withOne<T>(
    role: Role,
    random: Random,
    busy: (daemon: LabDaemon) => Promise<boolean>,
    body: (daemon: LabDaemon) => Promise<T>,
  ): Promise<T> {
    const chosen = this.#choosing.then(() => this.#take(role, random, busy));
    // Whoever asked hears of it.
    this.#choosing = chosen.catch(() => undefined);
    const daemon = await chosen;
    try {
      return await body(daemon);
    } finally {
      this.#taken.delete(daemon);
    }
  }

  async #take(role: Role, random: Random, busy: (daemon: LabDaemon) => Promise<boolean>): Promise<LabDaemon> {
    const free = (): LabDaemon[] =>
      this.#lab.ready().filter((daemon) => hasRole(daemon, role) && !this.#taken.has(daemon));
    const pids = (): number[] => free().map(({ process }) => process.pid);
    await eventually(pids, (found) => found.length >= 2, { withinMs: READY_MS_MAX, what: `two free ${role}s` });
    const order = random.some(free(), Infinity);
    for (const daemon of order) if (await busy(daemon)) return this.#mine(daemon);
    return this.#mine(order[0]!);
  }

  #mine(daemon: LabDaemon): LabDaemon {
    this.#taken.add(daemon);
    return daemon;
  }
}
