/** Where the notices of a configuration's mappings are, and the way to read them there. */
import { readTopic } from '../../connectors/kafka/topic-reader.ts';
import { messageOf, MillraceError } from '../errors.ts';
import { readFailureEntry, readFailureStream } from '../failure/failure-stream.ts';
import { readNotice, type ReadNotice } from '../failure/read-notice.ts';
import type { NoticePlace } from '../redrive-line.ts';
import { requireConfig } from '../mapping/require-config.ts';
import type { Config, MappingConfig } from '../mapping/types.ts';
import { silentLog } from '../observe/log.ts';
import { connectRedis, disconnect, type Redis } from '../redis/connect.ts';
import { Keys } from '../redis/keys.ts';

export interface FailuresPlace {
  readonly config: Config;
  readonly redis: Redis;
  readonly keys: Keys;
}

/** A note of something that a list cannot show. */
export type Remark = (text: string) => void;

export async function withFailures<T>(configPath: string, work: (place: FailuresPlace) => Promise<T>): Promise<T> {
  const config = requireConfig(configPath, process.env);
  const redis = await connectRedis(config.redis, { role: 'cli' });
  try {
    return await work({ config, redis, keys: new Keys(config.namespace) });
  } finally {
    disconnect(redis);
  }
}

/** All mappings, or the one that is named. @throws MillraceError `mapping-not-found` */
export function mappingsNamed(config: Config, name: string | undefined): MappingConfig[] {
  if (name === undefined) return [...config.mappings.values()];
  const mapping = config.mappings.get(name);
  if (mapping) return [mapping];
  throw new MillraceError('mapping-not-found', `mapping ${name}: the configuration has no mapping of that name`, {
    hint: `it has ${[...config.mappings.keys()].join(', ') || 'none'}`,
  });
}

/** Each place once. The mapping's own failure stream is always one: it may hold notices of before another was named. */
export function destinationsOf(mappings: readonly MappingConfig[], keys: Keys): NoticePlace[] {
  const found = new Map<string, NoticePlace>();
  for (const { name, onFailureStream, onFailureTopic } of mappings) {
    for (const stream of [onFailureStream ?? keys.failures(name), keys.failures(name)])
      found.set(`stream ${stream}`, { kind: 'redis-stream', stream });
    if (onFailureTopic)
      found.set(`topic ${onFailureTopic.connection} ${onFailureTopic.topic}`, {
        kind: 'kafka-topic',
        ...onFailureTopic,
      });
  }
  return [...found.values()];
}

/** Every notice there, oldest first (of a topic: partition by partition). */
export async function eachNotice(
  place: FailuresPlace,
  destination: NoticePlace,
  onNotice: (notice: ReadNotice, text: string) => void,
  remark: Remark,
): Promise<void> {
  let strange = 0;
  const take = (id: string, text: string | undefined) => {
    const notice = text === undefined ? null : readNotice(id, text);
    if (notice) onNotice(notice, text!);
    else strange++;
  };
  if (destination.kind === 'redis-stream') {
    for await (const { id, text } of readFailureStream(place.redis, destination.stream)) take(id, text);
  } else await fromTopic(place, destination, take, remark);
  if (strange > 0) remark(`${nameOf(destination)}: ${strange} of its entries are no notices`);
}

/** Null: no notice of that id is there. */
export async function findNotice(
  place: FailuresPlace,
  destination: NoticePlace,
  id: string,
  remark: Remark,
): Promise<ReadNotice | null> {
  let text: string | undefined;
  if (destination.kind === 'redis-stream') {
    if (!/^\d+-\d+$/.test(id)) return null;
    text = (await readFailureEntry(place.redis, destination.stream, id))?.text;
  } else {
    if (!/^\d+:\d+$/.test(id)) return null;
    const [partition = 0, offset = 0] = id.split(':').map(Number);
    const only = { partition, offset };
    await fromTopic(place, destination, (_id, value) => (text = value), remark, only);
  }
  return text === undefined ? null : readNotice(id, text);
}

function nameOf(destination: NoticePlace): string {
  return destination.kind === 'redis-stream'
    ? `the failure stream ${destination.stream}`
    : `the failure topic ${destination.topic}`;
}

async function fromTopic(
  { config }: FailuresPlace,
  { connection, topic }: Extract<NoticePlace, { kind: 'kafka-topic' }>,
  take: (id: string, text: string | undefined) => void,
  remark: Remark,
  only?: { readonly partition: number; readonly offset: number },
): Promise<void> {
  const cluster = config.connections.get(connection);
  // The configuration was checked: a failure topic is on a cluster.
  if (cluster?.type !== 'kafka') throw new Error(`${connection} is no Kafka cluster`);
  try {
    const ends = await readTopic(cluster, silentLog, {
      ...{ topic, groupPrefix: `${config.namespace}-failures-` },
      ...(only && { only }),
      onMessage: (partition, { offset, value }) => take(`${partition}:${offset}`, value?.toString()),
    });
    if (ends === null) remark(`there is no topic ${topic}: nothing was sent there yet`);
  } catch (error) {
    const why = messageOf(error);
    throw new MillraceError('kafka-unreachable', `the failure topic ${topic} cannot be read: ${why}`, {
      hint: `look at connections.${connection} in the configuration; groups whose name begins with ${config.namespace}-failures- must be allowed`,
      cause: error,
    });
  }
}
