/** The right to act for a shard during a turn, as the sandbox asks for it at every outgoing request (P7). */
import { setImmediate as socketsRead } from 'node:timers/promises';
import { LEASE_CONFIRM_MS } from '../limits.ts';
import type { TurnLock } from '../queue/turn-worker.ts';
import type { LeaseView } from '../sandbox/types.ts';
import { type Holding, stillHeld } from '../shard/take.ts';
import type { TurnDeps } from './deps.ts';

export function leaseOf(
  { redis, keys, clock }: Pick<TurnDeps, 'redis' | 'keys' | 'clock'>,
  lock: TurnLock,
  holding: Holding,
): LeaseView {
  return {
    epoch: holding.epoch,
    held: () => lock.held(),
    confirm: async () => {
      const answered = new AbortController();
      try {
        // With Redis away nobody can be sure, and the request does not leave.
        return await Promise.race([confirm(), silence(answered.signal)]);
      } finally {
        // Else each request would leave a timer behind, which wakes this process for nothing. Without a reason an error with its stack is made.
        answered.abort('answered');
      }
    },
  };

  /** False when Redis has not said it in time. Timers come before sockets: where the process stood still the answer may be there, unread. */
  async function silence(signal: AbortSignal): Promise<false> {
    await clock.sleep(LEASE_CONFIRM_MS, signal);
    await socketsRead();
    return false;
  }

  async function confirm(): Promise<boolean> {
    const [still] = await Promise.all([stillHeld(redis, keys, holding), lock.held() ? undefined : lock.renew()]);
    return still;
  }
}
