/** What the figures are told: sizes, and how often. */
import type { Figure } from './report.ts';

export interface Options {
  readonly repeats: number;
  /** Records per shard of the throughput figures at batch 100; others take a share of it. */
  readonly records: number;
  readonly kills: number;
  readonly shards: number;
  /** Fewer and shorter measurements: does it run, and roughly where. */
  readonly quick?: boolean;
  /** Of each measured stretch. */
  readonly seconds: number;
  /** Who is measured beside Millrace in the matrix. */
  readonly peers: readonly string[];
  /** Its cells: kinds of work and batch sizes. */
  readonly kinds: readonly string[];
  readonly batches: readonly number[];
  /** Keeps what there is of a long figure, so that one that is cut off is not lost. */
  readonly keep?: (figure: Figure) => Promise<void>;
  readonly progress: (text: string) => void;
}
