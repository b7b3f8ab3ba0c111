/** Who waits for whom: a mapping's output, as `status` shows it. */
import { OUTBOX_BYTES_MAX } from '../outbox-limits.ts';
import { placeOf } from '../outbox.ts';
import { outputPlaceOf, type WrittenOutput } from '../output.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { readBacklog } from './backlog.ts';
import { notedBacklog } from './noted-backlog.ts';
import type { OutboxFacts } from './outboxes.ts';
import type { OutputStatus } from './status-types.ts';

/** As the registry keeps it (daemon/registry.ts). */
type StoredOutput = WrittenOutput & { readonly maxUnsettled: number; readonly allowCycle: boolean };

export async function readOutput(
  redis: Redis,
  keys: Keys,
  text: string | undefined,
  outboxes: ReadonlyMap<string, OutboxFacts>,
): Promise<OutputStatus | null> {
  if (text === undefined || text === '') return null;
  const output = JSON.parse(text) as StoredOutput;
  const { maxUnsettled, allowCycle } = output;
  const { stream, outbox: to } = outputPlaceOf(output);
  if (to) {
    const boxes = [...outboxes.values()];
    const unsent = boxes.reduce((sum, { messages }) => sum + messages, 0);
    const readers = allowCycle ? null : await notedBacklog(redis, keys, to);
    const behind = readers?.unsettled ?? 0;
    const full = boxes.some(({ messages, bytes }) => messages >= maxUnsettled || bytes >= OUTBOX_BYTES_MAX);
    const late = readers && Math.max(0, ...boxes.map(({ messages }) => messages)) + behind >= maxUnsettled;
    const waitsFor = full ? placeOf(to) : late ? readers.mapping : null;
    const facts = { unsettled: unsent + behind, maxUnsettled, waitsFor };
    return 'topic' in to ? { type: 'kafka-topic', ...to, ...facts } : { type: 'redis-stream', ...to, ...facts };
  }
  const backlog = await readBacklog(redis, keys, stream);
  const unsettled = backlog?.unsettled ?? 0;
  const full = !allowCycle && unsettled >= maxUnsettled;
  const waitsFor = full && backlog ? backlog.mapping : null;
  return { type: 'redis-stream', stream, unsettled, maxUnsettled: allowCycle ? null : maxUnsettled, waitsFor };
}
