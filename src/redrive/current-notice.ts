/** The notice that a redrive is at: read where it is, with its event as records whose ages count from the redrive. */
import { type Ageing, withAges } from '../ageing.ts';
import { randomUUID } from 'node:crypto';
import { messageOf, MillraceError } from '../errors.ts';
import { readFailureEntry } from '../failure/failure-stream.ts';
import { readNotice, type ReadNotice } from '../failure/read-notice.ts';
import { type NoticePlace, type Range, readTicketName, type Ticket, ticketOf } from '../redrive-line.ts';
import type { EntryId, Unit } from '../record.ts';
import { isNoPermission, type Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { readTickets } from '../shard/redrive-line.ts';
import type { TurnSettings } from '../turn/settings.ts';
import { SettleRefused } from '../turn/shipping.ts';
import type { Closing, WindowPart } from '../tumbling.ts';
import { startUnit } from '../unit/pieces.ts';
import type { RecordTime } from '../unit/types.ts';
import { closingPiece, closingRecord, windowOf } from '../unit/windows.ts';
import { type NoticeEvent, noticeEvent } from './notice-event.ts';

export type Opened =
  | { readonly kind: 'notice'; readonly notice: CurrentNotice }
  | { readonly kind: 'gone' }
  /** It is there, and no event can be made of it. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly ticket: Ticket };

/** `member`: of the waiting line. */
export async function openNotice(
  { redis, keys }: { readonly redis: Redis; readonly keys: Keys },
  settings: TurnSettings,
  member: string,
): Promise<Opened> {
  const name = ticketOf(member);
  const { place, id } = readTicketName(name);
  const [ticket] = await readTickets(redis, keys, settings.mapping, [name]);
  const text =
    place.kind === 'redis-stream'
      ? await readEntry(redis, place.stream, id)
      : await redis.hget(keys.redriveTexts(settings.mapping), name);
  if (!ticket || text === undefined || text === null) return { kind: 'gone' };
  try {
    const notice = readNotice(id, text);
    if (!notice) throw new Error('it is no notice');
    const event = noticeEvent(notice, settings);
    return { kind: 'notice', notice: new CurrentNotice(member, place, notice, ticket, event) };
  } catch (error) {
    return { kind: 'unreadable', reason: messageOf(error), ticket };
  }
}

async function readEntry(redis: Redis, stream: string, id: string): Promise<string | undefined> {
  try {
    return (await readFailureEntry(redis, stream, id))?.text;
  } catch (error) {
    if (error instanceof MillraceError) throw new SettleRefused(error.message, { cause: error });
    if (!isNoPermission(error)) throw error;
    throw new SettleRefused(`the ACL refuses to read the failure stream ${stream}`, { cause: error });
  }
}

export class CurrentNotice {
  readonly member: string;
  readonly place: NoticePlace;
  readonly id: string;
  /** Of the unit that was given up: no two of a mapping's have the same. */
  readonly requestId: string;
  /** It is of the final invocation of this window, and has no records. */
  readonly closes: Closing | null;
  readonly ticket: Ticket;
  readonly event: NoticeEvent;
  readonly #records: readonly RecordTime[];

  readonly #notice: ReadNotice;

  constructor(member: string, place: NoticePlace, notice: ReadNotice, ticket: Ticket, event: NoticeEvent) {
    const { window } = notice;
    this.member = member;
    this.place = place;
    this.id = notice.id;
    this.requestId = notice.requestId;
    this.closes = window?.final ? { ...window, part: 0, at: ticket.at } : null;
    this.ticket = ticket;
    this.#notice = notice;
    this.event = event;
    this.#records = event.ids.map((recordId) => ({ id: recordId, arrivalMs: ticket.at }));
  }

  /** What has not succeeded yet: the unit as it was, or what is left of it. */
  freshUnits(): Unit[] {
    if (this.closes) return [closingPiece(this.closes, this.event.last, randomUUID()).unit];
    const whole: Range[] = [[0, this.#records.length]];
    return (this.ticket.left ?? whole).map(([from, to]) => {
      const unit = startUnit(this.#records.slice(from, to), randomUUID());
      return this.event.weight > 1 ? { ...unit, last: this.event.last } : unit;
    });
  }

  /** `ageing`: the pauses of the shard. */
  recordsOf({ first, count, closes }: Unit, ageing: Ageing | null): readonly RecordTime[] {
    if (closes) return withAges([closingRecord(closes, first)], ageing);
    const from = this.indexOf(first);
    return from < 0 ? [] : withAges(this.#records.slice(from, from + count), ageing);
  }

  /** That of its records: as they ran in it, or by when the first of them arrived. `part`: index of the first record that is in it. */
  windowFrom(part: number, lengthMs: number): WindowPart {
    const { window, firstArrivalMs } = this.#notice;
    const { start, end } = window ?? windowOf(firstArrivalMs ?? this.ticket.at, lengthMs, null);
    return { start, end, part };
  }

  indexOf(id: EntryId): number {
    return this.event.ids.indexOf(id);
  }
}
