/** What an event has beside its records when the mapping has a tumbling window (esm-semantics.md §1.10), in AWS's words. */
import { asciiOnly } from '../ascii-json.ts';
import type { Closing, WindowPart } from '../tumbling.ts';
import type { EncodedEvent } from './kinesis.ts';

export interface WindowFacts {
  readonly window: WindowPart;
  /** JSON text of an object. */
  readonly state: string;
  readonly shardId: string;
  readonly arn: string;
  /** Of a final invocation. */
  readonly closes: Closing | undefined;
}

/** ISO 8601 to the second. */
export function windowTimes({ start, end }: WindowPart): { readonly start: string; readonly end: string } {
  const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  return { start: iso(start), end: iso(end) };
}

/** The members with the comma between them, as ASCII. */
function membersOf({ window, state, shardId, arn, closes }: WindowFacts): string {
  const after = { shardId, eventSourceARN: arn };
  const ends = { isFinalInvokeForWindow: closes !== undefined, isWindowTerminatedEarly: closes?.early ?? false };
  const before = JSON.stringify(windowTimes(window));
  return asciiOnly(
    `"window":${before},"state":${state},${JSON.stringify(after).slice(1, -1)},${JSON.stringify(ends).slice(1, -1)}`,
  );
}

/** The event with the members of its window: behind the records, where AWS has them. The event given is left as it is. */
export function inWindow(event: EncodedEvent, facts: WindowFacts): EncodedEvent {
  const members = membersOf(facts);
  const { columns } = event;
  const [added, closing] = columns === null ? [members, '}'] : [`{${members}}`, ']'];
  const comma = event.event.length > 2 ? ',' : '';
  const whole = Buffer.concat([event.event.subarray(0, -1), Buffer.from(`${comma}${added}${closing}`, 'latin1')]);
  return {
    ...event,
    ...{ event: whole, bytes: event.bytes + 1 + members.length },
    columns: columns && { ...columns, members: true },
  };
}

/** The same for the text of a whole event. */
export function textInWindow(event: Buffer, facts: WindowFacts): Buffer {
  return Buffer.concat([event.subarray(0, -1), Buffer.from(`,${membersOf(facts)}}`, 'latin1')]);
}
