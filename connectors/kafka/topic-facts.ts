/**
 * What kafkajs does not ask of a topic: its id, by which one that was deleted and made anew is told from the old one, and what the login may
 * do with it. kafkajs asks in versions of the protocol that have neither, so this asks for itself (Metadata, version 12).
 */
import type { TopicFacts } from './client.ts';
import { askBroker, type Cluster, compactText, FlexibleReader } from './flexible.ts';

const METADATA = { apiKey: 3, apiVersion: 12, apiName: 'Metadata' };
const UUID_BYTES = 16;
const NO_ID = '00000000000000000000000000000000';
const ERROR = { none: 0, unknownTopic: 3, topicRefused: 29 };
/** Kafka's AclOperation, as bits of what a login may do. */
const MAY = { read: 1 << 3, write: 1 << 4 };
/** The broker did not say. */
const NOT_SAID = -0x80000000;

/** Null: nothing to be had, as when the topic has no leader yet. */
export async function fetchTopicFacts(
  cluster: unknown,
  topic: string,
): Promise<TopicFacts | 'missing' | 'refused' | null> {
  const inside = cluster as Cluster;
  await inside.connect();
  await inside.refreshMetadataIfNecessary();
  return await askBroker(await inside.findControllerBroker(), METADATA, request(topic), topicFactsIn);
}

/** What follows the client's id in the request: its tags, then the body. */
export function request(topic: string): Buffer {
  // No tags; one topic: no id, its name, no tags; do not create it, what the login may do with it, no tags.
  return Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(UUID_BYTES), compactText(topic), Buffer.from([0, 0, 1, 0])]);
}

/** Of the first topic of a response, from its tags on. */
export function topicFactsIn(raw: Buffer): TopicFacts | 'missing' | 'refused' | null {
  const at = new FlexibleReader(raw);
  at.skipTags();
  at.bytes(4);
  for (let brokers = at.length(); brokers > 0; brokers--) {
    at.bytes(4);
    at.text();
    at.bytes(4);
    at.text();
    at.skipTags();
  }
  at.text();
  at.bytes(4);
  if (at.length() < 1) return null;
  const error = at.int16();
  if (error === ERROR.unknownTopic) return 'missing';
  if (error === ERROR.topicRefused) return 'refused';
  if (error !== ERROR.none) return null;
  at.text();
  const id = at.bytes(UUID_BYTES).toString('hex');
  at.bytes(1);
  for (let partitions = at.length(); partitions > 0; partitions--) {
    at.bytes(2 + 4 + 4 + 4);
    for (const _ of ['replicas', 'in sync', 'offline']) at.bytes(4 * at.length());
    at.skipTags();
  }
  const may = at.int32();
  const has = (bit: number) => may === NOT_SAID || (may & bit) !== 0;
  return { id: id === NO_ID ? null : id, mayRead: has(MAY.read), mayWrite: has(MAY.write) };
}
