/**
 * Lanes: the parts of a shard that run beside each other when `parallelizationFactor` is above 1. A record's lane follows from its partition
 * key, so that the records of one key stay in their order. Each lane has a position of its own up to which its records are settled; together
 * the positions say exactly which records above the shard's checkpoint are settled, in as many numbers as there are lanes (docs/lanes.md).
 */
import { hash } from 'node:crypto';
import { compareIds, type EntryId } from './record.ts';

/** Of one lane, as stored in the settle. */
export interface LaneState {
  /** Every record of the lane up to here is settled. */
  readonly checkpoint: EntryId;
  /** Entries of the shard, of whatever lane, up to there. */
  readonly entriesRead: number;
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly settledAt: number;
  readonly blocked: string;
  readonly why: string;
  readonly done: boolean;
}

/** Of a shard that has lanes. */
export interface LanesState {
  readonly lanes: readonly LaneState[];
}

/** As the settle wrote it. */
export function parseLanes(text: string | undefined): LanesState | null {
  return text === undefined || text === '' ? null : (JSON.parse(text) as LanesState);
}

/** The 128-bit MD5 of the key, as Kinesis hashes it, modulo the number of lanes. Records without a key are in order among themselves, too. */
export function laneOf(key: string | null, factor: number): number {
  if (key === null || factor === 1) return 0;
  const digest = hash('md5', key, 'buffer');
  let rest = 0;
  // Below 2^32 * 10, so exact.
  for (let at = 0; at < 16; at += 4) rest = (rest * 0x1_0000_0000 + digest.readUInt32BE(at)) % factor;
  return rest;
}

/** The lane that is furthest behind: its position is the shard's checkpoint, the contiguous settled prefix. */
export function lowestOf<T extends Pick<LaneState, 'checkpoint'>>(lanes: readonly T[]): T {
  return lanes.reduce((low, lane) => (compareIds(lane.checkpoint, low.checkpoint) < 0 ? lane : low));
}

export function highestOf<T extends Pick<LaneState, 'checkpoint'>>(lanes: readonly T[]): T {
  return lanes.reduce((high, lane) => (compareIds(lane.checkpoint, high.checkpoint) > 0 ? lane : high));
}
