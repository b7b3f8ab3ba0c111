/** Follows notices until each of them succeeded or failed again, or nothing more is to be waited for. */
import { REDRIVE_FOLLOW_MS, REDRIVE_NOBODY_MS, REDRIVE_PATIENCE_MS } from '../failure-limits.ts';
import { isServed } from '../daemon/membership.ts';
import { redriveLineOf, ticketOf } from '../redrive-line.ts';
import type { Unit } from '../record.ts';
import { readPauses } from '../shard/redrive-line.ts';
import { systemClock } from '../time.ts';
import type { FailuresPlace } from './failures-destinations.ts';
import { type Planned, ticketsOf } from './redrive-plan.ts';

export interface Outcome {
  readonly planned: Planned;
  /** held: it waits, behind another one or for its own next attempt. */
  readonly kind: 'succeeded' | 'failed' | 'held' | 'gone';
  /** Records that failed again. */
  readonly failed: number;
  readonly error: string | null;
}

export interface Followed {
  readonly outcomes: readonly Outcome[];
  /** No daemon serves the mapping. */
  readonly nobody: boolean;
  /** Why what becomes of notices cannot be written, shard by shard: nothing of them runs. */
  readonly refusals: readonly string[];
}

/** `onProgress`: how many have ended. */
export async function follow(
  place: FailuresPlace,
  mapping: string,
  notices: readonly Planned[],
  signal: AbortSignal,
  onProgress: (ended: number) => void,
): Promise<Followed> {
  const outcomes: Outcome[] = [];
  let left = notices;
  let seenAt = systemClock.monoMs();
  for (;;) {
    left = await sortOut(place, mapping, left, outcomes);
    onProgress(outcomes.length);
    const held = await heldHeads(place, mapping, left);
    if (await isServed(place.redis, place.keys, mapping)) seenAt = systemClock.monoMs();
    const nobody = systemClock.monoMs() - seenAt > REDRIVE_NOBODY_MS;
    const over = left.every(({ shardId }) => held.has(shardId));
    if (over || nobody || signal.aborted) {
      const waiting = left.map((planned) => heldOutcome(planned, held.get(planned.shardId)));
      const refusals = [...held].flatMap(([shardId, { why }]) => (why === '' ? [] : [`${shardId}: ${why}`]));
      return { outcomes: [...outcomes, ...waiting], nobody: nobody && !over, refusals };
    }
    await systemClock.sleep(REDRIVE_FOLLOW_MS, signal);
  }
}

/** Those that still wait. */
async function sortOut(
  place: FailuresPlace,
  mapping: string,
  notices: readonly Planned[],
  outcomes: Outcome[],
): Promise<Planned[]> {
  const tickets = await ticketsOf(
    place,
    mapping,
    notices.map(({ ticket }) => ticket),
  );
  return notices.filter((planned) => {
    const ticket = tickets.get(planned.ticket);
    if (ticket?.state === 'waiting') return true;
    const { errorType, errorMessage } = ticket?.error ?? {};
    const error = errorType === undefined ? null : `${errorType}: ${errorMessage}`;
    if (ticket?.state === 'failed')
      outcomes.push({ planned, kind: 'failed', failed: ticket.failed ?? planned.records, error });
    else outcomes.push({ planned, kind: ticket?.state === 'gone' ? 'gone' : 'succeeded', failed: 0, error: null });
    return false;
  });
}

interface Head {
  readonly ticket: string;
  readonly records: number;
  readonly attempts: number;
  readonly error: string;
  /** Why what became of it cannot be written; '': nothing is in the way. */
  readonly why: string;
}

const PAUSED: Head = { ticket: '', records: 0, attempts: 0, error: '', why: '' };

/** Shards whose head has failed and is not tried again soon, or that are paused, or cannot be settled. */
async function heldHeads(
  { redis, keys }: FailuresPlace,
  mapping: string,
  notices: readonly Planned[],
): Promise<ReadonlyMap<string, Head>> {
  const held = new Map<string, Head>();
  const shards = new Set(notices.map(({ shardId }) => shardId));
  if (shards.size === 0) return held;
  const nowMs = Number((await redis.time())[0]) * 1_000;
  for (const shardId of shards) {
    const line = keys.shard(mapping, redriveLineOf(shardId));
    const [[units, notBefore, current, why], { paused }] = await Promise.all([
      redis.hmget(line, 'units', 'nb', 'cur', 'why'),
      readPauses(redis, keys, mapping, shardId),
    ]);
    const [head] = JSON.parse(units ?? '[]') as Unit[];
    if (paused) held.set(shardId, PAUSED);
    if (why) held.set(shardId, { ...PAUSED, why });
    if (!head?.lastError || head.failures === 0 || Number(notBefore) - nowMs < REDRIVE_PATIENCE_MS) continue;
    const { errorType, errorMessage } = head.lastError;
    const error = `${errorType}: ${errorMessage}`;
    held.set(shardId, {
      ticket: ticketOf(current ?? ''),
      // A final invocation has none.
      records: head.closes ? 0 : head.count,
      attempts: head.failures,
      error,
      why: why ?? '',
    });
  }
  return held;
}

function heldOutcome(planned: Planned, head: Head | undefined): Outcome {
  if (head?.ticket !== planned.ticket) return { planned, kind: 'held', failed: 0, error: null };
  return { planned, kind: 'held', failed: head.records, error: `${head.error} (${head.attempts} attempts)` };
}
