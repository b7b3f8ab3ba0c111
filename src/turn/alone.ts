/**
 * Invocations run beside each other, except those that must run alone: a unit whose daemon died three times under it
 * (architecture.md §3, invariant 5), so that the next death can be laid at its door and at no neighbour's.
 */
export class AloneGate {
  #running = 0;
  #alone = false;
  #waiting: { readonly alone: boolean; readonly start: () => void }[] = [];

  async run<T>(alone: boolean, work: () => Promise<T>): Promise<T> {
    if (this.#blocked(alone)) await new Promise<void>((start) => this.#waiting.push({ alone, start }));
    else this.#enter(alone);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#alone = false;
      this.#next();
    }
  }

  /** First come, first served: a unit that waits to be alone is not overtaken for ever. */
  #blocked(alone: boolean): boolean {
    return this.#alone || this.#waiting.length > 0 || (alone && this.#running > 0);
  }

  #enter(alone: boolean): void {
    this.#running++;
    this.#alone = alone;
  }

  #next(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (this.#alone || (first.alone && this.#running > 0)) return;
      this.#waiting.shift();
      this.#enter(first.alone);
      first.start();
    }
  }
}
