/** What the figures are told: sizes, and how often. */
export interface Options {
  readonly repeats: number;
  /** Records per shard of the throughput figures at batch 100; others take a share of it. */
  readonly records: number;
  readonly kills: number;
  readonly shards: number;
  /** Fewer and shorter measurements: does it run, and roughly where. */
  readonly quick?: boolean;
  readonly progress: (text: string) => void;
}
