/** How a peer tells how far it is: a line `at <n>` every so often, by which its harness measures it, and `end <n>` when nothing is left. */

const EVERY_MS = 50;

export interface Telling {
  add(records: number): void;
  end(): void;
}

export function tellProgress(): Telling {
  let done = 0;
  const timer = setInterval(() => process.stdout.write(`at ${done}\n`), EVERY_MS);
  return {
    add: (records) => void (done += records),
    end() {
      clearInterval(timer);
      // Still there to be looked at: what a process has cost is gone with it.
      setInterval(() => process.stdout.write(`end ${done}\n`), EVERY_MS);
    },
  };
}
