/** Removes what every reader settled and what is older than the retention. Retention is a minimum: nothing unsettled ever goes. */
import { TRIM_RECORDS_PER_CALL } from '../../src/limits.ts';
import type { Redis } from '../../src/redis/connect.ts';
import { trimScript } from './scripts.ts';

export interface TrimRequest {
  readonly streamKey: string;
  /** State hashes of all mappings that read the stream; one without a checkpoint (field `cp`) holds everything back. */
  readonly stateKeys: readonly string[];
  /** Redis ms; records from then on are kept. null: age does not matter, everything settled goes (`source.trim: settled`). */
  readonly beforeMs: number | null;
}

export interface Trimmed {
  readonly removed: number;
  /** More could go at once: call again. A call removes about TRIM_RECORDS_PER_CALL, so that Redis stays responsive. */
  readonly more: boolean;
}

export async function trim(redis: Redis, { streamKey, stateKeys, beforeMs }: TrimRequest): Promise<Trimmed> {
  const before = beforeMs === null ? '' : Math.max(1, Math.floor(beforeMs));
  const reply = await trimScript.run(redis, [streamKey, ...stateKeys], [before, TRIM_RECORDS_PER_CALL]);
  const [removed, more] = reply as [number, number];
  return { removed, more: more === 1 };
}
