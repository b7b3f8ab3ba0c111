/** The same over and over, for a time. */
export interface Lap {
  readonly rounds: number;
  /** Per round. */
  readonly us: number;
  /** CPU per round, of what `cpuMicros` counts. */
  readonly cpuUs: number;
}

/** This process's, in µs. */
export const ownCpu = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

export async function repeatFor(ms: number, work: () => Promise<unknown>, cpu: () => number = ownCpu): Promise<Lap> {
  const cpuFrom = cpu();
  const from = performance.now();
  let rounds = 0;
  while (performance.now() - from < ms) {
    await work();
    rounds++;
  }
  return { rounds, us: ((performance.now() - from) * 1_000) / rounds, cpuUs: (cpu() - cpuFrom) / rounds };
}
