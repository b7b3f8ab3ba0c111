/** One read of an outbox on its way: together if the topic takes it, else one by one, and what is too large by itself without its payload. */
import {
  MessageTooLarge,
  type OutboxTarget,
  type OutgoingEntry,
  type OutgoingMessage,
  placeOf,
  readAddress,
} from '../outbox.ts';
import type { Sender } from '../outbox.ts';
import type { EntryId } from '../record.ts';
import type { OutboxEntry } from '../shard/outbox.ts';

export interface Numbered extends OutgoingMessage {
  readonly id: string;
}

/** `onSent` is told of each that was acknowledged, in order. Rejects at the first that was not. */
export async function sendInOrder(
  sender: Sender,
  messages: readonly Numbered[],
  onSent: (id: string) => void,
): Promise<void> {
  try {
    await sender.send(messages);
    for (const { id } of messages) onSent(id);
    return;
  } catch (error) {
    if (!(error instanceof MessageTooLarge)) throw error;
  }
  for (const message of messages) {
    await sendOne(sender, message);
    onSent(message.id);
  }
}

/** One that no topic of this size takes must not hold back those behind it: it gets shorter until it is taken. */
async function sendOne(sender: Sender, message: Numbered): Promise<void> {
  const shorter = withoutPayload(message);
  const ways = [message, ...(shorter === null ? [] : [shorter, { ...shorter, key: null }])];
  for (const [i, way] of ways.entries()) {
    try {
      return await sender.send([way]);
    } catch (error) {
      if (!(error instanceof MessageTooLarge) || i === ways.length - 1) throw error;
    }
  }
}

const OMITTED =
  'the topic takes no message that large; the record is where the notice says, as long as its source keeps it';

/** Null: it has none. */
function withoutPayload(message: Numbered): Numbered | null {
  const { payload, ...notice } = JSON.parse(message.value) as Readonly<Record<string, unknown>>;
  if (payload === undefined) return null;
  return { ...message, value: JSON.stringify({ ...notice, payloadOmitted: OMITTED }) };
}

/** The first ones that go to one place. */
export function firstOutputs(entries: readonly OutboxEntry[]): {
  readonly to: OutboxTarget;
  readonly ids: readonly EntryId[];
  readonly outputs: readonly OutgoingEntry[];
} {
  const { to } = readAddress(textIn(entries[0]!, 'origin'));
  const [ids, outputs]: [EntryId[], OutgoingEntry[]] = [[], []];
  for (const entry of entries) {
    const { to: other, settle, origin } = readAddress(textIn(entry, 'origin'));
    if ('topic' in other !== 'topic' in to || placeOf(other) !== placeOf(to)) break;
    const headers = JSON.parse(textIn(entry, 'headers') || '{}') as Record<string, string>;
    const data = entry.fields.get('data')!;
    const mark = `${entry.id} ${settle} ${origin}`;
    const partitionKey = textIn(entry, 'partitionKey');
    outputs.push({ mark, partitionKey, data, headers: Object.entries(headers), origin });
    ids.push(entry.id);
  }
  return { to, ids, outputs };
}

function textIn({ fields }: OutboxEntry, name: string): string {
  return String(fields.get(name) ?? '');
}
