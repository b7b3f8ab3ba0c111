/** What is changed inside kafkajs 2.2.4, because it cannot be had from outside. */
import { createRequire } from 'node:module';
import { KAFKA_HEARTBEAT_WAIT_MS } from '../../src/limits.ts';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

interface ConsumerGroup {
  heartbeat(options: { readonly interval: number }): Promise<void>;
}

const require = createRequire(import.meta.url);
let patched = false;

export function patchKafkajs(): void {
  if (patched) return;
  patched = true;
  quietTimers();
  impatientHeartbeats();
}

/**
 * It asks for a timer in the past whenever a request is answered and none waits, and Node warns of it on the daemon's standard error
 * (TimeoutNegativeWarning). With nothing waiting there is nothing to come back for.
 */
function quietTimers(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue };
  const { scheduleCheckPendingRequests: schedule } = prototype;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

/**
 * All fetching waits for the heartbeat. The coordinator answers one only when what was committed before it is on all copies of the group's
 * offsets: after 5 s, with an error, while a broker with such a copy is away. So fetching goes on after a while; the heartbeat is on its
 * way, the next call waits for the same one, and what it fails with the next one will fail with, too.
 */
function impatientHeartbeats(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { readonly prototype: ConsumerGroup };
  const { heartbeat } = prototype;
  prototype.heartbeat = async function (this: ConsumerGroup, options) {
    const beat = heartbeat.call(this, options);
    beat.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, KAFKA_HEARTBEAT_WAIT_MS)));
    await Promise.race([beat, late]).finally(() => clearTimeout(timer));
  };
}
