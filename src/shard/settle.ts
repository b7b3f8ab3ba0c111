/** The one step that moves a shard (architecture.md §3, invariants 2–4). */
import { isNoPermission, type Redis } from '../redis/connect.ts';
import type { EntryId, Unit } from '../record.ts';
import type { LanesState } from '../lanes.ts';
import { OUTPUT_LUA } from '../output.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript, type ScriptArg, type ScriptCaller } from '../redis/scripts.ts';
import type { Shipment } from './outputs.ts';
import type { Window } from '../tumbling.ts';
import { fencedBy, type Holding } from './take.ts';

const lua = new URL('./lua/', import.meta.url);
const script = loadScript(lua, 'settle-N.lua', { with: OUTPUT_LUA });
/** With outputs it adds more than it frees. */
const outputScript = loadScript(lua, 'settle-N.lua', { with: OUTPUT_LUA, aboveMaxmemory: false });

export interface SettleCounts {
  readonly succeeded: number;
  readonly expired: number;
  readonly givenUp: number;
  readonly filtered: number;
  readonly lostBySource: number;
}

/** What becomes of a shard's tumbling window (tumbling.ts). */
export interface WindowChange {
  readonly newest: Window;
  /** JSON text; absent: as it is. */
  readonly state?: string;
  /** Redis ms at which it ends when no records come; 0: it does not. */
  readonly dueAt: number;
}

export interface Settlement {
  /** Stored revision + 1: makes a repeated settle harmless. */
  readonly revision: number;
  readonly generation: number;
  /** null: stays. */
  readonly checkpoint: EntryId | null;
  readonly entriesRead: number;
  readonly units: readonly Unit[];
  readonly notBefore: number;
  readonly expiresAt: number;
  /** JSON for `status`, '' when not blocked. */
  readonly blocked: string;
  readonly lastProcessingResult: string | null;
  readonly why: string;
  readonly done: boolean;
  readonly counts: SettleCounts;
  /** OnFailure records as JSON text; durable in the same step. */
  readonly notices: readonly string[];
  /** Absent: the shard's window stays as it is. */
  readonly window?: WindowChange;
  /** Absent: the shard's lanes stay as they are; null: it has none from now on. */
  readonly lanes?: LanesState | null;
  /** With lanes: where the first of those begins that are free to go on; '' when none is. */
  readonly freeFrom?: EntryId | '';
}

export interface SettleTarget {
  readonly holding: Holding;
  readonly streamKey: string;
  readonly failureStream: string;
  /** 0: no bound (a stream of the user's). */
  readonly failureBytesMax: number;
  readonly failureKeptMs: number;
  /** `failureStream` is the shard's outbox: the notices are messages for pollers to send (shard/outbox.ts). */
  readonly outbox?: boolean;
}

export type Settled =
  /** `staged`: pieces of outputs that are official now. `paused`: the shard was paused since it was taken, or let run again. */
  | { readonly kind: 'ok'; readonly nowMs: number; readonly staged?: number; readonly paused: boolean }
  /** Nothing was written: the shard was paused since it was taken, and nothing may expire by what was known of it then. */
  | { readonly kind: 'paused' }
  /** Nothing was written: the output stream was resharded. */
  | { readonly kind: 'stale' }
  /** Nothing was written; the shard stays where it is and says why. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Throws FencedError when the shard changed hands. Doing it twice is harmless. */
export async function settle(
  redis: Redis | ScriptCaller,
  keys: Keys,
  target: SettleTarget,
  s: Settlement,
  shipment: Shipment | null = null,
): Promise<Settled> {
  const { mapping, shardId } = target.holding.shard;
  const { counts } = s;
  const state = keys.shard(mapping, shardId);
  // An ACL is asked for every key that is named: an unreachable failure stream must not stop what has no notice.
  const notices = s.notices.length > 0 ? target.failureStream : state;
  const shipped = shipment ? [shipment.stagedKey, shipment.topologyKey, ...shipment.keys] : [];
  const run = (shipment ? outputScript : script).run(
    redis,
    [state, target.streamKey, notices, ...shipped],
    [
      ...[target.holding.epoch, target.holding.nonce, s.revision, s.generation, s.checkpoint ?? '', s.entriesRead],
      ...[JSON.stringify(s.units), s.notBefore, s.expiresAt, s.blocked, s.lastProcessingResult ?? '', s.why],
      ...[s.done ? '1' : '', keys.group(mapping), target.failureBytesMax, target.failureKeptMs],
      ...[counts.succeeded, counts.expired, counts.givenUp, counts.filtered, counts.lostBySource],
      ...[s.notices.length, target.outbox ? 'message' : 'notice', ...s.notices],
      ...(shipment ? shipmentArgs(shipment) : []),
      ...laneArgs(s),
      ...windowArgs(s.window),
    ],
  );
  const reply = (await run.catch((error: unknown) => {
    // With the shard's own keys refused the settle that says why is refused as well, and that error is thrown.
    if (!isNoPermission(error) || (s.notices.length === 0 && !shipment)) throw error;
    const which = shipment ? `the output stream ${shipment.stream}` : `the failure stream ${target.failureStream}`;
    return ['refused', `the ACL refuses ${which}`];
  })) as string[];
  switch (reply[0]) {
    case 'ok':
    case 'repeated':
      return { kind: 'ok', nowMs: Number(reply[1]), paused: reply[2] === '1' };
    case 'paused':
    case 'stale':
      return { kind: reply[0] };
    case 'refused':
      return { kind: 'refused', reason: reply[1]! };
    default:
      throw fencedBy(target.holding, reply[1] ?? '');
  }
}

function shipmentArgs({ stream, staged, stage, revision, index, packed }: Shipment): ScriptArg[] {
  return [stream, staged, stage, revision, index, packed];
}

function laneArgs({ lanes, freeFrom = '' }: Settlement): ScriptArg[] {
  if (lanes === undefined) return ['', ''];
  return [lanes === null ? 'none' : JSON.stringify(lanes), freeFrom];
}

function windowArgs(window: WindowChange | undefined): ScriptArg[] {
  if (!window) return ['', '', ''];
  return [JSON.stringify(window.newest), window.dueAt, window.state ?? ''];
}
