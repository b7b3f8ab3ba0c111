/**
 * kafkajs asks for a timer in the past whenever a request is answered and none waits, and Node warns of it on the daemon's standard error
 * (TimeoutNegativeWarning). With nothing waiting there is nothing to come back for.
 */
import { createRequire } from 'node:module';

/** What is used of kafkajs' inside. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

let quiet = false;

export function quietTimers(): void {
  if (quiet) return;
  quiet = true;
  const inside = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    readonly prototype: RequestQueue;
  };
  const { prototype } = inside;
  const { scheduleCheckPendingRequests: schedule } = prototype;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}
