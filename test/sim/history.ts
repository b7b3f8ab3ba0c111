/** The recorder of a simulated run: lines as those of the fault tests, on the virtual clock. */
import { BEFORE_ALL, compareIds, type EntryId, toSequenceNumber } from '../../src/record.ts';
import type { AttemptLine, HistoryLine, Unstamped } from '../support/history.ts';
import type { World } from './world.ts';

export class History {
  readonly lines: HistoryLine[] = [];
  readonly shard: string;
  readonly #world: World;
  #epoch = 0n;
  #seen: EntryId = BEFORE_ALL;
  #marker: EntryId | null = null;

  constructor(world: World, shard = SHARD) {
    this.#world = world;
    this.shard = shard;
  }

  add(line: Unstamped): void {
    const { nowMs } = this.#world;
    this.lines.push({ ...line, tMono: nowMs, tWall: nowMs, run: 'sim', pid: null } as HistoryLine);
  }

  /** From a handler: the sink turns away what carries an older epoch than it has seen. False then. */
  attempt(line: Unstamped<AttemptLine>): boolean {
    const epoch = BigInt(line.epoch);
    if (epoch < this.#epoch) {
      this.add({ ...line, kind: 'refused', was: line.kind });
      return false;
    }
    this.#epoch = epoch;
    this.add(line);
    return true;
  }

  /** Looked at after each command: a checkpoint that moved back is written down as such. */
  checkpoint(id: EntryId): void {
    if (compareIds(id, this.#seen) === 0) return;
    this.#seen = id;
    this.add({ kind: 'checkpoint', shard: this.shard, position: toSequenceNumber(id) });
  }

  /** What the group on the stream says, likewise. */
  marker(id: EntryId | null): void {
    if (id === null || id === this.#marker || id === BEFORE_ALL) return;
    this.#marker = id;
    this.add({ kind: 'ack', what: 'group', shard: this.shard, position: toSequenceNumber(id) });
  }
}

export const MAPPING = 'm';
export const SHARD_ID = 'shardId-000000000000';
export const SHARD = `${MAPPING}/${SHARD_ID}`;
