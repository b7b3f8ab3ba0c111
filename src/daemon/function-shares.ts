/** What a daemon says of its functions with each heartbeat, for `status`: bounded, and with times as ages, because clocks differ. */
import { FUNCTION_SHARE_TEXT_CHARS_MAX, FUNCTION_SHARES_MAX } from '../limits.ts';
import type { FunctionShare } from '../observe/status-types.ts';
import type { SandboxStats } from '../sandbox/types.ts';

/** Of more functions than there is room for, those that lost a child last, then the busiest. */
export function functionShares(stats: readonly SandboxStats[], nowMs: number): FunctionShare[] {
  const lastLost = (one: SandboxStats) => one.lastLoss?.timeMs ?? 0;
  return stats
    .toSorted((a, b) => lastLost(b) - lastLost(a) || b.coldStarts - a.coldStarts)
    .slice(0, FUNCTION_SHARES_MAX)
    .map(({ function: name, version, children, rssBytes, coldStarts, lost, lastLoss, slowedForMs, startEveryMs }) => ({
      ...{ name, version, children, rssBytes, coldStarts, lost, slowedForMs: Math.ceil(slowedForMs) },
      delayMs: startEveryMs,
      lastLoss: lastLoss && {
        ...{ agoMs: Math.max(0, nowMs - lastLoss.timeMs), reason: lastLoss.reason },
        ...{ mapping: lastLoss.mapping, shardId: lastLoss.shardId },
        errorType: lastLoss.errorType.slice(0, FUNCTION_SHARE_TEXT_CHARS_MAX),
        errorMessage: lastLoss.errorMessage.slice(0, FUNCTION_SHARE_TEXT_CHARS_MAX),
      },
    }));
}
