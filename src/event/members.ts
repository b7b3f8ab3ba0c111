/** How filters see records of the formats that wrap data: the data decoded, and what surrounds it as the event has it. */
import { NOT_KEPT, type RecordView } from '../pattern.ts';
import type { EncodedEvent } from './kinesis.ts';
import { dataText, keyPart, type RecordParts } from './parts.ts';
import type { RecordBatch } from './records.ts';

type Members = Readonly<Record<string, unknown>>;
/** Record i alone as an event. */
type EncodeOne = (batch: RecordBatch, i: number) => EncodedEvent;

/** `data`, the members of `kinesis`, and the record's own. */
export function kinesisView(parts: RecordParts, encodeOne: EncodeOne): RecordView<RecordBatch> {
  const member = membersBy(encodeOne, (event) => {
    const [record] = event['Records'] as [Members & { readonly kinesis: Members }];
    return { ...record.kinesis, ...record };
  });
  return {
    ...{ kind: 'members', parts: ['data'], unreadable: 'drops', part: (batch, i) => dataText(parts, batch, i) },
    member,
  };
}

/** `value` and `key`, the other members of the record, and those of the event. */
export function kafkaView(parts: RecordParts, encodeOne: EncodeOne): RecordView<RecordBatch> {
  const member = membersBy(encodeOne, ({ records, ...event }) => {
    const [list] = Object.values(records as Record<string, [Members]>);
    return { ...event, ...list![0] };
  });
  return {
    ...{ kind: 'members', parts: ['value', 'key'], unreadable: 'ignored', member },
    part: (batch, i, name) => (name === 'key' ? keyPart(parts, batch, i) : dataText(parts, batch, i)),
  };
}

/** Taken from the event of the record itself, so that both say the same. */
function membersBy(encodeOne: EncodeOne, membersOf: (event: Members) => Members) {
  let of: { readonly batch: RecordBatch; readonly i: number; readonly members: Members | null } | undefined;
  return (batch: RecordBatch, i: number, name: string): unknown => {
    if (of?.batch !== batch || of.i !== i) {
      const { count, event } = encodeOne(batch, i);
      const members = count === 0 ? null : membersOf(JSON.parse(event.toString('latin1')) as Members);
      of = { batch, i, members };
    }
    if (of.members === null) return NOT_KEPT;
    return Object.hasOwn(of.members, name) ? of.members[name] : undefined;
  };
}
