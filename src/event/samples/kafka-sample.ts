/** esm-semantics.md §2.3: records by topic and partition; the same key goes to the same partition. */
import { type SampleInput, arn, digest, keyOf } from './sample-input.ts';

interface KafkaRecord {
  topic: string;
  partition: number;
  offset: number;
  timestamp: number;
  timestampType: 'CREATE_TIME';
  key?: string;
  value: string;
  headers: Record<string, number[]>[];
}

export function kafkaSample(input: SampleInput) {
  return {
    eventSource: 'SelfManagedKafka' as const,
    bootstrapServers: 'localhost:9092',
    records: recordsOf(input),
  };
}

export function mskSample(input: SampleInput) {
  return {
    eventSource: 'aws:kafka' as const,
    eventSourceArn: arn('kafka', 'cluster/sample/00000000-0000-0000-0000-000000000000-1'),
    bootstrapServers: 'localhost:9092',
    records: recordsOf(input),
  };
}

function recordsOf({ data, nowMs, keys, name, partitions }: SampleInput): Record<string, KafkaRecord[]> {
  const records: Record<string, KafkaRecord[]> = {};
  for (const bytes of data) {
    const key = keyOf(bytes, keys);
    const partition = key === undefined ? 0 : parseInt(digest(key).slice(0, 8), 16) % partitions;
    const list = (records[`${name}-${partition}`] ??= []);
    list.push({
      topic: name,
      partition,
      offset: list.length,
      timestamp: nowMs,
      timestampType: 'CREATE_TIME',
      ...(key === undefined ? {} : { key: Buffer.from(key).toString('base64') }),
      value: bytes.toString('base64'),
      headers: [],
    });
  }
  return records;
}
