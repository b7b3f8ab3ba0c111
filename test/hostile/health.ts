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
const GROWTH_MB = 10;
/**
 * What V8's young generation takes when much is allocated at once (three times 16 MB), and what malloc keeps of it: a process that has seen few passes may not
 * have come there yet. After many it has, and then its RSS may grow as little as what it holds.
 */
const NOT_YET_GROWN_MB = 64;
const PASSES_MANY = 10;
/** Children come and go at their bound, with three pipes each; the loop knows three of these, and each process. */
const CHILDREN_TO_AND_FRO = 16;
const DESCRIPTORS_EACH = 3;
const RESOURCES_EACH = 4;

/** `passes` over all cases, the first of which warms up; 1: growth cannot be told. */
export function unwell(health: Health, passes: number): string[] {
  const leaks = passes > 1;
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
  const [held, grown] = [after.heldMb - before.heldMb, after.rssMb - before.rssMb];
  if (leaks && held > GROWTH_MB) complaints.push(`the daemon holds ${held.toFixed(1)} MB more than before`);
  if (leaks && grown > (passes < PASSES_MANY ? NOT_YET_GROWN_MB : GROWTH_MB))
    complaints.push(`the daemon grew by ${grown.toFixed(1)} MB`);
  return complaints;
}
