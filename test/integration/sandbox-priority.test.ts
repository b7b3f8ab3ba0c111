/** The nice level of a child's threads, and of its session where sessions are scheduled as groups. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CHILD_BUSY_STEPS, CHILD_NICE } from '../../src/limits.ts';
import { eventually } from '../support/daemon.ts';
import { makeSandbox, resultOf } from '../support/sandbox.ts';

/** Raising needs the right to; without it a child that was lowered stays low. */
const mayRaise = process.getuid?.() === 0;

const children = (): number[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);

/** Null for one that has just ended. */
function niceOf(pid: number): { thread: number; session: number | null } | null {
  if (!existsSync(`/proc/${pid}/stat`)) return null;
  const thread = Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[16]);
  const grouped =
    readdirSync('/proc/sys/kernel').includes('sched_autogroup_enabled') &&
    readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'latin1').trim() === '1';
  const session = grouped ? Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'latin1'))?.[1]) : null;
  return { thread, session };
}

test('a child begins below the daemon, is lowered while it is busy, and raised when it has answered', async () => {
  // Elsewhere processes have one level, and who may look at it is another matter.
  if (process.platform !== 'linux') return;
  const own = niceOf(process.pid)!;
  const begins = { thread: own.thread + CHILD_NICE, session: own.session === null ? null : own.session + CHILD_NICE };
  const box = await makeSandbox({ spares: 0 });
  try {
    const version = box.version(
      'exports.handler = async (ms) => { const t = Date.now() + ms; while (Date.now() < t); return ms; }',
      {
        timeoutMs: 60_000,
      },
    );
    await box.invoke(version, 0);
    // By the wall clock, of which it may get little: that it is lowered is what ends it here.
    const busyMs = 15_000;
    const busy = box.invoke(version, busyMs);
    const least = CHILD_BUSY_STEPS.at(-1)!.nice;
    const low = { thread: own.thread + least, session: own.session === null ? null : own.session + least };
    const isLow = (pid: number): boolean => JSON.stringify(niceOf(pid)) === JSON.stringify(low);
    const [pid] = await eventually(
      () => children().filter(isLow),
      (lowered) => lowered.length > 0,
      { what: 'the busy child is lowered', withinMs: 20_000 },
    );
    expect(resultOf(await busy)).toBe(busyMs);
    if (mayRaise) expect(niceOf(pid!)).toEqual(begins);
    // Quick calls, many of them, are not one that is busy.
    for (let i = 0; i < 40; i++) await box.invoke(version, 10);
    if (mayRaise) expect(niceOf(pid!)).toEqual(begins);
  } finally {
    await box.close();
  }
});
