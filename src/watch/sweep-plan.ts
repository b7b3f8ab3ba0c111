/** How often and how many: every shard within SWEEP_EVERY_MS, small sets more often, never a call over all. Pure. */
import { SWEEP_EVERY_MS, SWEEP_PAUSE_MAX_MS, SWEEP_PAUSE_MIN_MS, SWEEP_SHARDS_PER_CALL } from '../limits.ts';

export function sweepPlan(shards: number): { readonly perCall: number; readonly pauseMs: number } {
  const calls = Math.max(1, Math.ceil(shards / SWEEP_SHARDS_PER_CALL));
  const pause = SWEEP_EVERY_MS / calls;
  return { perCall: SWEEP_SHARDS_PER_CALL, pauseMs: Math.min(SWEEP_PAUSE_MAX_MS, Math.max(SWEEP_PAUSE_MIN_MS, pause)) };
}
