/** What is changed inside kafkajs. (That fetching does not wait for a heartbeat: test/chaos/r16-kafka-cluster.test.ts.) */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { patchKafkajs } from '../../connectors/kafka/patches.ts';

interface Queue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  scheduleCheckPendingRequests(): void;
}

function queueWith(facts: Partial<Queue>): Queue {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: Queue };
  const fresh = { pending: [], throttledUntil: -1, throttleCheckTimeoutId: null, ...facts };
  return Object.assign(Object.create(prototype) as Queue, fresh);
}

test('a queue in which nothing waits sets no timer; one that waits, or is throttled, does', () => {
  patchKafkajs();
  patchKafkajs();
  const scheduled = (queue: Queue) => {
    queue.scheduleCheckPendingRequests();
    const timer = queue.throttleCheckTimeoutId;
    if (timer) clearTimeout(timer);
    return timer !== null;
  };
  expect(scheduled(queueWith({}))).toBe(false);
  expect(scheduled(queueWith({ pending: [{}] }))).toBe(true);
  expect(scheduled(queueWith({ throttledUntil: Date.now() + 60_000 }))).toBe(true);
});
