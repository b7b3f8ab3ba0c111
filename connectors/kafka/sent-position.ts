/**
 * How far a topic has a shard's outputs: committed as an offset's metadata by the transaction that wrote them, so that both are there or
 * neither is. Asked for as a stable one (OffsetFetch, version 7): kafkajs' version may answer with what was before a transaction that has
 * just been ended and is not applied yet.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KAFKA_REQUEST_MS } from '../../src/kafka-limits.ts';
import { OUTBOX_UNSTABLE_MS } from '../../src/outbox-limits.ts';
import { askBroker, type Cluster, compactText, FlexibleReader } from './flexible.ts';

const OFFSET_FETCH = { apiKey: 9, apiVersion: 7, apiName: 'OffsetFetch' };
/** The commit needs a partition that exists; which one does not matter, nor does the offset. */
export const POSITION_PARTITION = 0;
/** Error codes of the protocol, and kafkajs' names for those that have a sentence of their own (explain.ts). */
const NONE = 0;
const NAMED: ReadonlyMap<number, string> = new Map([
  [3, 'UNKNOWN_TOPIC_OR_PARTITION'],
  [29, 'TOPIC_AUTHORIZATION_FAILED'],
  [30, 'GROUP_AUTHORIZATION_FAILED'],
]);
/** The group's coordinator is loading, changing, or ending a transaction of ours. */
const ASK_AGAIN = [14, 15, 16, 88];

/** Of kafkajs' form, so that it is explained as its own are. */
class Unreadable extends Error {
  readonly type: string;

  constructor(group: string, code: number) {
    const type = NAMED.get(code) ?? '';
    super(
      `the group ${group}, which says how far the topic has the outputs, cannot be read (${type || `error ${code}`})`,
    );
    this.type = type;
  }
}

/**
 * Null: none was committed. Only the group itself can say so: a broker that does not know the topic knows nothing of what was sent, perhaps
 * for a moment only, and to take that for none would send everything again that the topic has and the outbox still holds.
 */
export async function fetchSentPosition(cluster: unknown, group: string, topic: string): Promise<string | null> {
  const inside = cluster as Cluster;
  await inside.connect();
  await inside.refreshMetadataIfNecessary();
  for (const until = performance.now() + KAFKA_REQUEST_MS; ;) {
    const broker = await inside.findGroupCoordinator({ groupId: group });
    const { error, metadata } = await askBroker(broker, OFFSET_FETCH, request(group, topic), positionIn);
    if (error === NONE) return metadata === '' ? null : metadata;
    if (!ASK_AGAIN.includes(error) || performance.now() > until) throw new Unreadable(group, error);
    await sleep(OUTBOX_UNSTABLE_MS);
  }
}

function request(group: string, topic: string): Buffer {
  const partition = Buffer.alloc(4);
  partition.writeInt32BE(POSITION_PARTITION);
  // No tags; the group; one topic: its name, one partition, no tags; stable offsets only; no tags.
  return Buffer.concat([
    Buffer.from([0]),
    compactText(group),
    Buffer.from([2]),
    compactText(topic),
    Buffer.from([2]),
    partition,
    Buffer.from([0, 1, 0]),
  ]);
}

interface Answer {
  readonly error: number;
  readonly metadata: string;
}

/** Of the one partition that was asked for. */
function positionIn(raw: Buffer): Answer {
  const reader = new FlexibleReader(raw);
  reader.skipTags();
  reader.int32();
  let found: Answer = { error: NONE, metadata: '' };
  for (let topics = reader.length(); topics > 0; topics--) {
    reader.text();
    for (let partitions = reader.length(); partitions > 0; partitions--) {
      reader.int32();
      // Offset and leader's epoch.
      reader.bytes(8 + 4);
      const metadata = reader.text();
      found = { error: reader.int16(), metadata };
      reader.skipTags();
    }
    reader.skipTags();
  }
  const whole = reader.int16();
  return whole === NONE ? found : { error: whole, metadata: '' };
}
