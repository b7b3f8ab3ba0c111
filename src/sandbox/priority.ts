/**
 * A child's share of the CPU. All begin a little below the daemon; one whose invocation has used more than a quick handler does is lowered, step by
 * step, until it answers. So a function that spins competes with others like it, not with its neighbours.
 *
 * Two scales, and both are set, because from here it cannot be told which of them counts: the nice level of each thread, and on Linux that of
 * the session. Where sessions are scheduled as groups (sched_autogroup_enabled, without a cgroup for the CPU) the level of a thread
 * counts among those of its own session only; a child has a session of its own, and at nice 19 had as much of a core as the daemon.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { CHILD_BUSY_STEPS, CHILD_LOADING_CPU_MS, CHILD_NICE } from '../limits.ts';

const LOWEST = 19;

/** Our own level on each scale; null for sessions where these are no groups. */
let own: { readonly thread: number; readonly session: number | null } | undefined;

function ownLevels(): { readonly thread: number; readonly session: number | null } {
  return { thread: getPriority(), session: sessionLevel() };
}

function sessionLevel(): number | null {
  if (process.platform !== 'linux' || !existsSync('/proc/sys/kernel/sched_autogroup_enabled')) return null;
  if (readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'latin1').trim() !== '1') return null;
  // `/autogroup-12 nice 0`; empty in the session of the system itself.
  return Number(/nice (-?\d+)/.exec(readFileSync('/proc/self/autogroup', 'latin1'))?.[1] ?? 0);
}

export class Priority {
  readonly #pid: number;
  readonly #own = (own ??= ownLevels());
  #job = 0;
  #cpuMsBefore = 0;
  /** Above our own. */
  #nice: number = CHILD_NICE;
  /** The session's level is still to be set: who is not root may do so ten times a second, for all children together. */
  #due = false;

  constructor(pid: number) {
    this.#pid = pid;
    // The threads have theirs from the command that started them.
    if (pid > 0) this.#setSession();
  }

  /** While a job runs, from time to time: what the process has used in all. The first look at a job is where it counts from. */
  used(job: number, cpuMs: number, loading: boolean): void {
    if (job !== this.#job) {
      this.#job = job;
      this.#cpuMsBefore = cpuMs;
      return;
    }
    const usedMs = cpuMs - this.#cpuMsBefore - (loading ? CHILD_LOADING_CPU_MS : 0);
    const { nice } = CHILD_BUSY_STEPS.findLast((step) => usedMs >= step.cpuMs) ?? { nice: CHILD_NICE };
    if (nice > this.#nice) this.#set(nice);
  }

  /** The job is done. Without the right to raise a level (CAP_SYS_NICE) the threads stay low: a busy function's process among its like. */
  restore(): void {
    if (this.#nice !== CHILD_NICE) this.#set(CHILD_NICE);
  }

  /** What could not be done at once. */
  catchUp(): void {
    if (this.#due) this.#setSession();
  }

  #set(nice: number): void {
    this.#nice = nice;
    this.#setSession();
    for (const thread of this.#threadIds()) {
      try {
        setPriority(thread, levelFrom(this.#own.thread, nice));
      } catch {
        // ESRCH: it has ended. EACCES: it may be lowered and not raised again.
      }
    }
  }

  #threadIds(): number[] {
    if (process.platform !== 'linux') return [this.#pid];
    try {
      return readdirSync(`/proc/${this.#pid}/task`).map(Number);
    } catch {
      // The process is gone.
      return [];
    }
  }

  #setSession(): void {
    this.#due = false;
    if (this.#own.session === null) return;
    try {
      writeFileSync(`/proc/${this.#pid}/autogroup`, String(levelFrom(this.#own.session, this.#nice)));
    } catch (error) {
      // Anything else: it is gone, or the file is not ours to write, and then the threads' own level has to do.
      this.#due = (error as NodeJS.ErrnoException).code === 'EAGAIN';
    }
  }
}

function levelFrom(ours: number, nice: number): number {
  return Math.min(ours + nice, LOWEST);
}
