/**
 * From when a record's age counts (product.md, "Expiry"): the latest of its arrival and the rewind that made it deliverable again, without
 * the time that its shard was paused. Pure; what a shard knows of it is kept in its state.
 */
import { compareIds, type EntryId } from './record.ts';

export interface Ageing {
  /** Records up to `upTo` were made deliverable again at `atMs`. */
  readonly rewound: { readonly upTo: EntryId; readonly atMs: number } | null;
  /** Past pauses, ascending, from when to when (Redis ms). */
  readonly pauses: readonly (readonly [fromMs: number, toMs: number])[];
}

/** Null where ages count from the arrival alone, which is nearly always. */
export function parseAgeing(fields: {
  readonly pauses: string | undefined;
  readonly rewoundTo: string | undefined;
  readonly rewoundAt: string | undefined;
}): Ageing | null {
  const pauses = fields.pauses ? (JSON.parse(fields.pauses) as [number, number][]) : [];
  const upTo = fields.rewoundTo ?? '';
  if (pauses.length === 0 && upTo === '') return null;
  return { rewound: upTo === '' ? null : { upTo, atMs: Number(fields.rewoundAt) }, pauses };
}

export function agesFromMs(id: EntryId, arrivalMs: number, ageing: Ageing | null): number {
  if (ageing === null) return arrivalMs;
  const { rewound, pauses } = ageing;
  let from = arrivalMs;
  if (rewound && rewound.atMs > from && compareIds(id, rewound.upTo) <= 0) from = rewound.atMs;
  const began = from;
  for (const [fromMs, toMs] of pauses) from += Math.max(0, toMs - Math.max(fromMs, began));
  return from;
}

interface Arrived {
  readonly id: EntryId;
  readonly arrivalMs: number;
}

export function withAges<T extends Arrived>(records: T[], ageing: Ageing | null): (T & { agesFromMs?: number })[] {
  if (ageing === null) return records;
  return records.map((record) => ({ ...record, agesFromMs: agesFromMs(record.id, record.arrivalMs, ageing) }));
}

/** What is left of it for a stream that was made anew, whose ids begin again. */
export function notRewound(ageing: Ageing | null): Ageing | null {
  return ageing && ageing.pauses.length > 0 ? { ...ageing, rewound: null } : null;
}
