/** What must hold for the process that held the sandbox, after all its hostile handlers. */
import { DAEMON_TTL_MS, HEARTBEAT_MS, LEASE_MARGIN_MS, LOCK_MS, LOCK_RENEW_MS } from '../../src/limits.ts';
import type { Health } from './arena-process.ts';

/**
 * A lock is renewed every LOCK_RENEW_MS and given up LEASE_MARGIN_MS before its end; a heartbeat comes every HEARTBEAT_MS and counts for DAEMON_TTL_MS.
 * A loop that is never later than the smaller of the two rests is never late with either. Asserted is half of that.
 */
const LOOP_LATE_MS = Math.min(LOCK_MS - LEASE_MARGIN_MS - LOCK_RENEW_MS, DAEMON_TTL_MS - HEARTBEAT_MS) / 2;
/** A victim's call is a matter of milliseconds; on a machine full of other work it may be slow, but it is never stuck. */
const VICTIM_MS = 5_000;
const RSS_GROWTH_MB = 10;
/** Children come and go at their bound, with three pipes each; the loop knows three of these, and each process. */
const CHILDREN_TO_AND_FRO = 16;
const DESCRIPTORS_EACH = 3;
const RESOURCES_EACH = 4;

/** `leaks` false: too few runs to tell growth from warming up. */
export function unwell(health: Health, leaks: boolean): string[] {
  const { before, after, loopMaxMs, victim } = health;
  const complaints = [...health.complaints];
  if (loopMaxMs > LOOP_LATE_MS) complaints.push(`the loop was ${Math.round(loopMaxMs)} ms late, bound ${LOOP_LATE_MS}`);
  if (victim.maxMs > VICTIM_MS) complaints.push(`a call of the victim took ${Math.round(victim.maxMs)} ms`);
  if (leaks && victim.calls < 10) complaints.push(`the victim was called ${victim.calls} times`);
  const processes = after.processes - before.processes;
  if (processes > CHILDREN_TO_AND_FRO) complaints.push(`${processes} processes more than before`);
  const more = Math.max(0, processes);
  const descriptors = after.descriptors - before.descriptors - more * DESCRIPTORS_EACH;
  if (descriptors > 8) complaints.push(`${descriptors} descriptors more than before`);
  const resources = after.resources - before.resources - more * RESOURCES_EACH;
  if (resources > 8) complaints.push(`${resources} timers and handles more than before`);
  const grown = after.rssMb - before.rssMb;
  if (leaks && grown > RSS_GROWTH_MB) complaints.push(`the daemon grew by ${grown.toFixed(1)} MB`);
  return complaints;
}
