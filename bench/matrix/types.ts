/** What the matrix compares: systems, each with the cells that it takes part in. */
import type { Kind, KindOptions } from '../support/kinds.ts';
import type { Sample } from '../support/stretch.ts';

export type Source = 'Redis streams' | 'Kafka' | 'its own';
export type Data = '200-byte JSON' | 'flights';

export interface Cell {
  readonly kind: Kind;
  readonly batch: number;
  readonly data: Data;
  /** In the first repeat only, to save time: between cells that tell as much. */
  readonly once?: true;
}

export interface System {
  /** As `--peer` has it. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly source: Source;
  /** What one does without who takes it instead of Millrace. */
  readonly givesUp: string;
  readonly cells: readonly Cell[];
  run(cell: Cell, name: string): Promise<Sample>;
}

/** As it is kept in bench/results. */
export interface Entrant extends Omit<System, 'cells' | 'run'> {
  readonly measured: readonly Measured[];
}

export interface Measured extends Cell {
  readonly samples: readonly Sample[];
  /** Why there are none. */
  readonly failed?: string;
}

/** What every system of one run is given. */
export interface Terms {
  readonly seconds: number;
  /** Records per shard or partition. */
  readonly perShard: number;
  readonly work: KindOptions;
}
