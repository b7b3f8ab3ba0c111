/** A shard's durable state for one mapping, as the scripts of lua/ keep it in one hash (names of its fields: init-5.lua). */
import { type Ageing, parseAgeing } from '../ageing.ts';
import type { EntryId, Unit } from '../record.ts';
import { type LanesState, parseLanes } from '../lanes.ts';
import type { Window } from '../tumbling.ts';

export interface ShardState {
  readonly checkpoint: EntryId;
  /** How many entries were ever added up to the checkpoint; with the stream's entries-added it tells lag and losses. */
  readonly entriesRead: number;
  readonly generation: number;
  readonly revision: number;
  /** Head first; empty when the next batch is read fresh. */
  readonly units: readonly Unit[];
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly settledAt: number;
  readonly why: string;
  readonly blocked: string;
  /** Ascending [entry id, ms when everything up to it had been seen]; only for shards whose ids are no times. */
  readonly marks: readonly (readonly [EntryId, number])[];
  /** Tail of the stream when it was last looked at: what a deleted key had held. */
  readonly seenAdded: number;
  readonly seenLast: EntryId | '';
  /** From when ages count, where that is not the arrival alone. */
  readonly ageing: Ageing | null;
  /** Outputs beside the shard (outputs.ts): official pieces that are to be moved yet, and where to. */
  readonly staged: { readonly any: boolean; readonly official: number; readonly stream: string };
  /** The newest window and its state as JSON text; null: there was none. */
  readonly window: { readonly newest: Window; readonly state: string; readonly dueAt: number } | null;
  /** Null: it has none. */
  readonly lanes: LanesState | null;
  /** Of a spool: its feed has not fetched all that the source is known to have. */
  readonly feedBehind: boolean;
}

export function parseState(flat: readonly string[]): ShardState {
  const field = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) field.set(flat[i]!, flat[i + 1]!);
  const number = (name: string) => Number(field.get(name) ?? 0);
  return {
    checkpoint: field.get('cp')!,
    entriesRead: number('read'),
    generation: number('gen'),
    revision: number('rev'),
    units: JSON.parse(field.get('units') ?? '[]') as Unit[],
    notBefore: number('nb'),
    expiresAt: number('exp'),
    settledAt: number('at'),
    why: field.get('why') ?? '',
    blocked: field.get('blk') ?? '',
    marks: JSON.parse(field.get('marks') ?? '[]') as [EntryId, number][],
    seenAdded: number('seenAdded'),
    seenLast: field.get('seenLast') ?? '',
    ageing: parseAgeing({ pauses: field.get('pz'), rewoundTo: field.get('rwTo'), rewoundAt: field.get('rwAt') }),
    staged: { any: field.has('stg'), official: number('out'), stream: field.get('outTo') ?? '' },
    window: windowIn(field),
    lanes: parseLanes(field.get('lanes')),
    feedBehind: number('sp:next') < number('sp:end'),
  };
}

function windowIn(field: ReadonlyMap<string, string>): ShardState['window'] {
  const newest = field.get('win') ?? '';
  if (newest === '') return null;
  const [state, dueAt] = [field.get('winState') ?? '', Number(field.get('winDue') ?? 0)];
  return { newest: JSON.parse(newest) as Window, state: state === '' ? '{}' : state, dueAt };
}
