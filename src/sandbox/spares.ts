/**
 * Processes that wait for a function, each with an isolate in which our own scripts have run and nothing else: a cold start then costs what
 * the function's own code costs. An isolate's memory limit is fixed when it is made, so they are made for the size that was asked for last.
 */
import { SPARE_START_AFTER_MS } from '../limits.ts';
import { NO_PORTS, type SandboxChild } from './child-process.ts';
import type { CodeCaches } from './code-cache.ts';
import { PREPARE } from './protocol.ts';
import { preparePayload, type Scripts } from './scripts.ts';

export interface Spare {
  readonly child: SandboxChild;
  /** Resolves true when the isolate is there, false when the process is lost. */
  readonly ready: Promise<boolean>;
  /** It was there already: if it is lost, that says nothing about whether processes can be started. */
  readonly waited: boolean;
}

interface Waiting extends Spare {
  readonly memorySizeMb: number;
}

export class Spares {
  readonly #scripts: Scripts;
  readonly #caches: CodeCaches;
  readonly #spawn: () => SandboxChild;
  readonly #wanted: number;
  #waiting: Waiting[] = [];
  #filling: NodeJS.Timeout | undefined;

  constructor(scripts: Scripts, caches: CodeCaches, spawn: () => SandboxChild, wanted: number) {
    this.#scripts = scripts;
    this.#caches = caches;
    this.#spawn = spawn;
    this.#wanted = wanted;
  }

  /** For one function, never to be given back. One that waits with another size is made anew inside, which takes a few milliseconds. */
  take(memorySizeMb: number, fromReserve: boolean): Spare {
    if (!fromReserve) return this.#start(memorySizeMb, false);
    const one = this.#waiting.find((spare) => spare.memorySizeMb === memorySizeMb) ?? this.#waiting[0];
    if (one === undefined) return this.#start(memorySizeMb, false);
    this.#waiting = this.#waiting.filter((other) => other !== one);
    if (one.memorySizeMb === memorySizeMb) return one;
    const again = async (): Promise<boolean> =>
      (await one.ready) && (await this.#prepare(one.child, memorySizeMb, false));
    return { child: one.child, ready: again(), waited: true };
  }

  /** Soon as many as are wanted, for the next functions of this size. */
  fill(memorySizeMb: number): void {
    clearTimeout(this.#filling);
    this.#filling = setTimeout(() => {
      while (this.#waiting.length < this.#wanted) this.#waiting.push(this.#start(memorySizeMb, true));
    }, SPARE_START_AFTER_MS);
    this.#filling.unref();
  }

  /** Starts no more. Those that wait are the caller's to end. */
  close(): void {
    clearTimeout(this.#filling);
  }

  /** A process that ended while it waited is not replaced before the next cold start: whatever ends it would end the next one too. */
  forget(child: SandboxChild): void {
    this.#waiting = this.#waiting.filter((spare) => spare.child !== child);
  }

  children(): SandboxChild[] {
    return this.#waiting.map(({ child }) => child);
  }

  #start(memorySizeMb: number, waits: boolean): Waiting {
    const child = this.#spawn();
    return { child, memorySizeMb, ready: this.#prepare(child, memorySizeMb, waits), waited: waits };
  }

  async #prepare(child: SandboxChild, memorySizeMb: number, rehearse: boolean): Promise<boolean> {
    await this.#caches.find([this.#scripts.bootstrap, this.#scripts.prelude]);
    const end = await child.run(PREPARE, 0, preparePayload(this.#scripts, memorySizeMb, rehearse), NO_PORTS);
    return end.kind === 'prepared';
  }
}
