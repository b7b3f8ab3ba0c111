/** What settles of one turn have in common: their revision, that one comes behind the other, and how one is put together. */
import type { Settled, Settlement } from '../shard/settle.ts';

/** What Redis says of a settle that was made. */
export type Written = Extract<Settled, { kind: 'ok' }>;

export class SettleBook {
  revision: number;
  /** An operator paused the shard since it was taken, or let it run again. */
  paused = false;

  constructor({ revision }: { readonly revision: number }) {
    this.revision = revision;
  }

  /** A turn without lanes settles one thing after the other by itself. */
  async oneByOne(work: () => Promise<void>): Promise<void> {
    await work();
  }

  compose(settlement: Settlement): Settlement {
    return settlement;
  }

  settled({ paused }: Written): void {
    this.revision++;
    this.paused ||= paused;
  }
}
