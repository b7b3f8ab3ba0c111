/** What a mapping's filter, and the lane that is read, let through. */
import type { EventFormat } from '../event/format.ts';
import { recordFilter } from '../filter/filter.ts';
import { laneOf } from '../lanes.ts';
import type { RawBatch } from '../redis/reader-batch.ts';
import type { ActiveFilter } from './gathering.ts';
import type { OneLane, TurnSettings } from './settings.ts';

export function activeFilter(
  { filter }: TurnSettings,
  format: EventFormat,
  arrivalOf: (batch: RawBatch, i: number) => number,
): ActiveFilter | null {
  if (filter === null) return null;
  const { id, patterns, lane } = filter;
  const view = () => format.view((batch, i) => arrivalOf(batch as RawBatch, i));
  const passes = patterns.length > 0 ? recordFilter(patterns, view()) : () => true;
  if (!lane) return { id, passes };
  return { id, passes, isOfLane: (raw, i) => lanesIn(raw, format, lane.factor)[i] === lane.index };
}

/** All lanes of a shard look at the same reads: each record's lane is found once. */
const found = new WeakMap<RawBatch, Uint8Array>();

function lanesIn(raw: RawBatch, format: EventFormat, factor: number): Uint8Array {
  const known = found.get(raw);
  if (known) return known;
  const lanes = Uint8Array.from({ length: raw.count }, (_, i) => laneOf(format.partitionKey(raw, i), factor));
  found.set(raw, lanes);
  return lanes;
}

/** Made once for as long as the mapping's do not change: what is compiled of them is kept by whoever compiled it. */
export function laneSettings(lane: OneLane): (settings: TurnSettings) => TurnSettings {
  let known: { readonly of: TurnSettings; readonly settings: TurnSettings } | null = null;
  return (settings) => {
    if (known?.of !== settings) known = { of: settings, settings: settingsOfLane(settings, lane) };
    return known.settings;
  };
}

/** The mapping's, as one lane works under them. */
export function settingsOfLane(settings: TurnSettings, lane: OneLane): TurnSettings {
  const { filter, policy } = settings;
  const id = `${filter?.id ?? ''}/${lane.index}of${lane.factor}`;
  const patterns = filter?.patterns ?? [];
  return { ...settings, filter: { patterns, id, lane }, policy: { ...policy, filterId: id } };
}
