/** How filters see records of the formats that wrap data: the data decoded, and what surrounds it as the event has it. */
import { NOT_KEPT, type RecordView } from '../pattern.ts';
import type { EncodedEvent } from './kinesis.ts';
import { dataText, keyName, keyPart, type RecordParts } from './parts.ts';
import type { RecordBatch } from './records.ts';

type Members = Readonly<Record<string, unknown>>;
/** Record i alone as an event. */
type EncodeOne = (batch: RecordBatch, i: number) => EncodedEvent;

/** What does not cost an event to know. */
type Direct = Readonly<Record<string, (batch: RecordBatch, i: number) => unknown>>;

/** `data`, the members of `kinesis`, and the record's own. `defaultKey`: of a record without a partition key. */
export function kinesisView(parts: RecordParts, defaultKey: string, encodeOne: EncodeOne): RecordView<RecordBatch> {
  const direct: Direct = {
    partitionKey: (batch, i) => {
      const t = parts.keyItem(batch, i);
      return t >= 0 && batch.spans[2 * t + 2]! < 0 ? NOT_KEPT : (keyName(parts, batch, i) ?? defaultKey);
    },
    sequenceNumber: (batch, i) => parts.sequence(batch.ids[i]!),
  };
  const constant = ['eventSource', 'eventName', 'awsRegion', 'eventSourceARN', 'invokeIdentityArn'];
  const member = membersBy(encodeOne, { direct, constant }, (event) => {
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
  const constant = ['topic', 'partition', 'eventSource', 'bootstrapServers'];
  const member = membersBy(encodeOne, { direct: {}, constant }, ({ records, ...event }) => {
    const [list] = Object.values(records as Record<string, [Members]>);
    return { ...event, ...list![0] };
  });
  return {
    ...{ kind: 'members', parts: ['value', 'key'], unreadable: 'ignored', member },
    part: (batch, i, name) => (name === 'key' ? keyPart(parts, batch, i) : dataText(parts, batch, i)),
  };
}

/** Taken from the event of the record itself, so that both say the same. */
function membersBy(
  encodeOne: EncodeOne,
  quick: { readonly direct: Direct; readonly constant: readonly string[] },
  membersOf: (event: Members) => Members,
) {
  let of: { readonly batch: RecordBatch; readonly i: number; readonly members: Members | null } | undefined;
  const direct = new Map(Object.entries(quick.direct));
  const constants = new Map<string, unknown>();
  return (batch: RecordBatch, i: number, name: string): unknown => {
    const known = direct.get(name);
    if (known !== undefined) return known(batch, i);
    if (constants.has(name)) return constants.get(name);
    if (of?.batch !== batch || of.i !== i) {
      const { count, event } = encodeOne(batch, i);
      const members = count === 0 ? null : membersOf(JSON.parse(event.toString('latin1')) as Members);
      of = { batch, i, members };
    }
    if (of.members === null) return NOT_KEPT;
    const value = Object.hasOwn(of.members, name) ? of.members[name] : undefined;
    if (quick.constant.includes(name)) constants.set(name, value);
    return value;
  };
}
