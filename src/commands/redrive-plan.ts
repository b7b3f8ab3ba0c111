/** Which notices a redrive is of, in which order, and which cannot be. */
import { MillraceError } from '../errors.ts';
import type { ReadNotice } from '../failure/read-notice.ts';
import { REDRIVE_TICKET_KEPT_MS, REDRIVE_TICKETS } from '../failure-limits.ts';
import { memberOf, type NoticePlace, type Ticket, ticketName } from '../redrive-line.ts';
import type { MappingConfig } from '../mapping/types.ts';
import { readTickets } from '../shard/redrive-line.ts';
import { destinationsOf, eachNotice, type FailuresPlace, type Remark } from './failures-destinations.ts';

export interface Planned {
  readonly id: string;
  readonly place: NoticePlace;
  readonly ticket: string;
  readonly shardId: string;
  /** Sequence number of its first record. */
  readonly first: string;
  /** Records that have not succeeded yet; 0: it is of the final invocation of a window. */
  readonly records: number;
  /** Of its text, when that has to be brought. */
  readonly bytes: number;
}

export interface Plan {
  /** Shard by shard, each in the order of its records. */
  readonly notices: readonly Planned[];
  readonly refused: readonly { readonly id: string; readonly why: string }[];
}

/** `ids`: only these; none: all of the mapping's. @throws MillraceError `failure-not-found`, `redrive-refused` */
export async function planRedrive(
  place: FailuresPlace,
  mapping: MappingConfig,
  ids: readonly string[],
  remark: Remark,
): Promise<Plan> {
  const wanted = new Set(ids);
  const began = Date.now();
  const seen = new Set<string>();
  const found: (Planned & { readonly why: string | null })[] = [];
  for (const destination of destinationsOf([mapping], place.keys)) {
    const take = (notice: ReadNotice, text: string) => {
      const { id, shardId, first, records } = notice;
      const ticket = ticketName(destination, id);
      seen.add(ticket);
      if (notice.mapping !== mapping.name || (wanted.size > 0 && !wanted.has(id))) return;
      const bytes = destination.kind === 'kafka-topic' ? Buffer.byteLength(text) : 0;
      found.push({ id, place: destination, ticket, shardId, first, records, bytes, why: whyNot(notice, mapping) });
    };
    await eachNotice(place, destination, take, remark);
    await dropOldTickets(place, mapping.name, destination, seen, began);
  }
  const tickets = await ticketsOf(
    place,
    mapping.name,
    found.map(({ ticket }) => ticket),
  );
  // Those of a topic stay there when they have succeeded.
  const there = found.filter(({ ticket }) => tickets.get(ticket)?.state !== 'done');
  const missing = ids.filter((id) => !there.some((one) => one.id === id));
  if (missing.length > 0) {
    throw new MillraceError('failure-not-found', `${mapping.name} has no failure ${missing.join(', ')}`, {
      hint: `millrace failures list --mapping ${mapping.name} has those that are there`,
    });
  }
  const refused = there.flatMap(({ id, why }) => (why === null ? [] : [{ id, why }]));
  const [first] = refused;
  if (first && ids.length > 0) {
    throw new MillraceError('redrive-refused', `${first.id} cannot be redriven: ${first.why}`, {
      hint: 'leave it out, or name no ids: then it is left out by itself',
    });
  }
  const notices = there.filter(({ why }) => why === null).map(({ why: _why, ...one }) => planned(one, tickets));
  return { notices: notices.toSorted(byShardAndOrder), refused };
}

/** Of notices that are not there any more: deleted, or trimmed. What is known of a notice that may have come meanwhile stays. */
async function dropOldTickets(
  { redis, keys }: FailuresPlace,
  mapping: string,
  destination: NoticePlace,
  seen: ReadonlySet<string>,
  beganMs: number,
): Promise<void> {
  const key = keys.redriveTickets(mapping);
  const beginning = ticketName(destination, '');
  for (let cursor = '0', more = true; more; more = cursor !== '0') {
    const [next, flat] = await redis.hscan(key, cursor, 'COUNT', REDRIVE_TICKETS);
    cursor = next;
    const old = flat.filter((name, i) => {
      if (i % 2 === 1 || !name.startsWith(beginning) || seen.has(name)) return false;
      const { state, at } = JSON.parse(flat[i + 1]!) as Ticket;
      return state !== 'waiting' && at < beganMs - REDRIVE_TICKET_KEPT_MS;
    });
    if (old.length > 0) await redis.hdel(key, ...old);
  }
}

function planned(one: Planned, tickets: ReadonlyMap<string, Ticket>): Planned {
  const ticket = tickets.get(one.ticket);
  const records = ticket?.state === 'failed' ? (ticket.failed ?? one.records) : one.records;
  return { ...one, records };
}

export async function ticketsOf(
  { redis, keys }: FailuresPlace,
  mapping: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, Ticket>> {
  const found = new Map<string, Ticket>();
  for (let i = 0; i < names.length; i += REDRIVE_TICKETS) {
    const some = names.slice(i, i + REDRIVE_TICKETS);
    const tickets = await readTickets(redis, keys, mapping, some);
    tickets.forEach((ticket, at) => ticket && found.set(some[at]!, ticket));
  }
  return found;
}

function byShardAndOrder(a: Planned, b: Planned): number {
  if (a.shardId !== b.shardId) return a.shardId < b.shardId ? -1 : 1;
  const [left, right] = [memberOf(a.first, a.ticket), memberOf(b.first, b.ticket)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Null: it can be. */
function whyNot({ condition, payload, error, window }: ReadNotice, { pinned }: MappingConfig): string | null {
  if (condition === 'SourceGap')
    return 'the source lost its records before they were read, so that there is nothing to run';
  if (payload === null) return 'its event was not kept';
  if (error?.errorType === 'MalformedRecord') return 'no event of the mapping’s format can be made of its record';
  return window === null || pinned['tumblingWindowInSeconds']
    ? null
    : 'it is of a tumbling window, and the mapping has none';
}
