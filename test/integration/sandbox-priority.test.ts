/** The nice level of a child's threads, and of its session where sessions are scheduled as groups. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { CHILD_BUSY_STEPS, CHILD_NICE } from '../../src/limits.ts';
import { eventually } from '../support/daemon.ts';
import { makeSandbox, resultOf } from '../support/sandbox.ts';

/** Raising needs the right to; without it a child that was lowered stays low. */
const mayRaise = process.getuid?.() === 0;

const BUSY_MS = 100;
const HEAD = { statusText: '', url: 'http://x/', redirected: false, headers: [] } as const;
/** A prelude that lets a handler ask whether it has been busy for long enough. */
const ASKS = `(() => {
  const { startFetch } = globalThis.__millrace;
  globalThis.enough = () => new Promise((resolve, reject) => startFetch({ method: 'GET', url: 'http://x/', headers: [], redirect: 'follow' }, null, (error, head) => error ? reject(new Error(error.message)) : resolve(head.status === 200)));
})()`;

const children = (): number[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);

/** Null for one that has just ended. */
function niceOf(pid: number): { thread: number; session: number | null } | null {
  if (!existsSync(`/proc/${pid}/stat`)) return null;
  const thread = Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[16]);
  const grouped =
    readdirSync('/proc/sys/kernel').includes('sched_autogroup_enabled') &&
    readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'latin1').trim() === '1';
  // Empty in the session of the system itself, in which a test may be started.
  const session = grouped
    ? Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'latin1'))?.[1] ?? 0)
    : null;
  return { thread, session };
}

test('a child begins below the daemon, is lowered while it is busy, and raised when it has answered', async () => {
  // Elsewhere processes have one level, and who may look at it is another matter.
  if (process.platform !== 'linux') return;
  const own = niceOf(process.pid)!;
  const begins = { thread: own.thread + CHILD_NICE, session: own.session === null ? null : own.session + CHILD_NICE };
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-priority-'));
  const preludePath = path.join(directory, 'prelude.js');
  writeFileSync(preludePath, ASKS);
  let enough = false;
  const box = await makeSandbox({
    ...{ spares: 0, preludePath },
    egress: () => Promise.resolve({ ok: true, head: { ...HEAD, status: enough ? 200 : 202 }, body: Buffer.alloc(0) }),
  });
  try {
    const version = box.version(
      `exports.handler = async (ms) => {
        do { const t = Date.now() + ms; while (Date.now() < t); } while (ms === ${BUSY_MS} && !(await enough()));
        return ms;
      }`,
      { timeoutMs: 120_000 },
    );
    await box.invoke(version, 0);
    // It goes on until it has been seen: how much of the CPU it gets is the machine's affair.
    const busy = box.invoke(version, BUSY_MS);
    const least = CHILD_BUSY_STEPS.at(-1)!.nice;
    const low = { thread: own.thread + least, session: own.session === null ? null : own.session + least };
    const levels = (): [number, ReturnType<typeof niceOf>][] => children().map((pid) => [pid, niceOf(pid)]);
    const seen = await eventually(
      levels,
      (all) => all.some(([, level]) => JSON.stringify(level) === JSON.stringify(low)),
      { what: `the busy child is lowered to ${JSON.stringify(low)}`, withinMs: 90_000 },
    );
    const [pid] = seen.find(([, level]) => JSON.stringify(level) === JSON.stringify(low))!;
    enough = true;
    expect(resultOf(await busy)).toBe(BUSY_MS);
    if (mayRaise) expect(niceOf(pid)).toEqual(begins);
    // Quick calls, many of them, are not one that is busy.
    for (let i = 0; i < 40; i++) await box.invoke(version, 10);
    if (mayRaise) expect(niceOf(pid)).toEqual(begins);
  } finally {
    await box.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
