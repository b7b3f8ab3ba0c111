/** The redrives in `status`, as people read them: what waits, and what failed again. Pure. */
import type { RedriveBlocked, RedriveStatus } from '../observe/status-types.ts';
import { count, duration, firstLine, type Paint } from './status-words.ts';

/** Those that are blocked come first, the rest is summed up in one line. */
const REDRIVES_SHOWN = 8;

export function formatRedrives(redrives: readonly RedriveStatus[], nowMs: number, paint: Paint): string {
  const rank = ({ state }: RedriveStatus) => (state === 'blocked' ? 0 : 1);
  const sorted = redrives.toSorted((a, b) => rank(a) - rank(b));
  const lines = sorted.slice(0, REDRIVES_SHOWN).map((redrive) => formatRedrive(redrive, nowMs, paint));
  const hidden = sorted.slice(REDRIVES_SHOWN);
  const notices = hidden.reduce((sum, redrive) => sum + redrive.notices, 0);
  if (hidden.length > 0)
    lines.push(`  ${paint('dim', `redrives of ${count(hidden.length, 'more shard')}, ${count(notices, 'notice')}`)}\n`);
  return lines.join('');
}

function formatRedrive({ shardId, state, notices, why, blocked }: RedriveStatus, nowMs: number, paint: Paint): string {
  const shown = state === 'running' ? 'green' : state === 'blocked' ? 'red' : 'yellow';
  const title = `  redrive of ${shardId}, ${paint(shown, state)}: ${count(notices, 'notice')} to run\n`;
  const refused = why === undefined ? [] : [paint('red', why)];
  const lines = blocked ? formatBlocked(blocked, refused, nowMs, paint) : refused;
  return title + lines.map((line) => `      ${line}\n`).join('');
}

function formatBlocked(blocked: RedriveBlocked, refused: readonly string[], nowMs: number, paint: Paint): string[] {
  const { notice, sequenceNumber, since, attempts, recordsInUnit, lastError } = blocked;
  const ahead = (iso: string) => {
    const ms = Date.parse(iso) - nowMs;
    return ms <= 0 ? 'now' : `in ${duration(ms)}`;
  };
  const time = since === null ? '' : ` for ${duration(nowMs - Date.parse(since))}`;
  const unit = recordsInUnit > 1 ? `, ${recordsInUnit} records in the unit` : '';
  const expiry = blocked.expiresAt === null ? 'never expires' : `expires ${ahead(blocked.expiresAt)}`;
  return [
    `blocked at ${sequenceNumber} of notice ${notice}${time}: ${count(attempts, 'attempt')}${unit}`,
    ...(lastError ? [`${paint('red', lastError.errorType)}: ${firstLine(lastError.errorMessage)}`] : []),
    ...refused,
    `next attempt ${ahead(blocked.nextAttemptAt)}, ${expiry}`,
  ];
}
