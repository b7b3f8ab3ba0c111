/** Signals of `millrace dev`: the first one ends it after what is in flight, a second one at once (contract.md, "Running it"). */
import { GRACE_BEYOND_TIMEOUT_S } from '../../limits.ts';
import { SECOND, systemClock } from '../../time.ts';

type Signal = 'SIGINT' | 'SIGTERM';
const EXIT_CODES: Readonly<Record<Signal, number>> = { SIGINT: 130, SIGTERM: 143 };

export class Stopping {
  private readonly first = new AbortController();
  private readonly second = new AbortController();
  private last: Signal = 'SIGTERM';

  constructor() {
    process.on('SIGINT', this.onSignal);
    process.on('SIGTERM', this.onSignal);
  }

  get asked(): boolean {
    return this.first.signal.aborted;
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.first.signal;
  }

  /** Lets what is in flight finish, within the grace and until a second signal; the exit code. */
  async bounded(daemon: { stop(): Promise<void>; abort(): Promise<void> }, longestTimeoutMs: number): Promise<number> {
    const graceMs = longestTimeoutMs + GRACE_BEYOND_TIMEOUT_S * SECOND;
    const clean = daemon.stop().then(() => true);
    const cut = systemClock.sleep(graceMs, this.second.signal).then(() => false);
    if (await Promise.race([clean, cut])) return 0;
    // Its end is awaited below, by abort; what it rejects with then is of no more interest than the work that was cut.
    clean.catch(() => undefined);
    await daemon.abort();
    return EXIT_CODES[this.last];
  }

  close(): void {
    process.off('SIGINT', this.onSignal);
    process.off('SIGTERM', this.onSignal);
    this.first.abort();
    this.second.abort();
  }

  private readonly onSignal = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGINT' || signal === 'SIGTERM') this.last = signal;
    if (this.asked) this.second.abort();
    this.first.abort();
  };
}
