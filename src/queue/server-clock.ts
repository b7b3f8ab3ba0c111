/**
 * One clock decides when a parked turn is due, Redis' own: BullMQ takes the caller's wall clock for it, so that what a host parked whose clock
 * is ahead was due for nobody else before that, and what it fetched came too early.
 *
 * Its scripts get the server's time in place of the caller's, and answer in the caller's. A delay is a difference, and stays as it is.
 */
import type { Redis } from 'ioredis';
import { createRedisBackend, type BackendFactory, type RedisQueueBackend } from 'bullmq';

/** Those that say when a turn is due or ask which are; each has the caller's time as its second argument. */
const TIMED = /^(moveToActive|moveToFinished|moveToDelayed|retryJob):/;

/** The fourth part of an answer, if there is one, is when the next turn is due, or 0. */
const timed = (lua: string): string => `
local time = redis.call('TIME')
local ahead = tonumber(ARGV[2]) - (time[1] * 1000 + math.floor(time[2] / 1000))
ARGV[2] = string.format('%.0f', tonumber(ARGV[2]) - ahead)
local function inner()
${lua}
end
local answer = inner()
if type(answer) == 'table' and (tonumber(answer[4]) or 0) > 0 then answer[4] = answer[4] + ahead end
return answer
`;

const prepared = new WeakSet<Redis>();

/** For a connection that BullMQ registers its scripts on; doing it twice is harmless. */
export function timedByServer(connection: Redis): Redis {
  if (prepared.has(connection)) return connection;
  prepared.add(connection);
  const define = connection.defineCommand.bind(connection);
  connection.defineCommand = (name, definition) =>
    define(name, TIMED.test(name) ? { ...definition, lua: timed(definition.lua!) } : definition);
  return connection;
}

/** A worker's side of it. */
export class Fetches {
  readonly #monoMs: () => number;
  /** Token of a slot → when its job was asked for. */
  readonly #askedAt = new Map<string, number>();

  constructor(monoMs: () => number) {
    this.#monoMs = monoMs;
  }

  /** Local monotonic ms before the server was asked for the job that `token` has now: its lock began no earlier. */
  takeAskedAt(token: string): number {
    const at = this.#askedAt.get(token);
    this.#askedAt.delete(token);
    if (at === undefined) throw new Error('a job that was not asked for');
    return at;
  }

  readonly backend: BackendFactory<RedisQueueBackend> = (name, options, more) => {
    const backend = createRedisBackend(name, options, more);
    const { moveToActive, moveToCompleted, moveToFailed, moveToDelayed, waitForJob } = backend;
    backend.moveToActive = (token, worker) =>
      this.#asking(
        token,
        () => moveToActive.call(backend, token, worker),
        (job) => job,
      );
    backend.moveToCompleted = (job, value, remove, token, next) =>
      this.#asking(
        token,
        () => moveToCompleted.call(backend, job, value, remove, token, next),
        ({ result }) => result,
      );
    backend.moveToFailed = (job, why, remove, token, next, fields) =>
      this.#asking(
        token,
        () => moveToFailed.call(backend, job, why, remove, token, next, fields),
        ({ result }) => result,
      );
    // A turn that threw: it comes again later, and its slot has the next.
    backend.moveToDelayed = (id, now, delay, token = '0', more = {}) =>
      this.#asking(
        token,
        () => moveToDelayed.call(backend, id, now, delay, token, more),
        (job) => job,
      );
    // What the marker says is the server's time; whoever then asks for a job is told in ours when there is one.
    backend.waitForJob = async (seconds) => {
      const marker = await waitForJob.call(backend, seconds);
      return marker && { ...marker, score: 0 };
    };
    return backend;
  };

  async #asking<T>(token: string, ask: () => Promise<T>, jobOf: (answer: T) => void | unknown[]): Promise<T> {
    const at = this.#monoMs();
    const answer = await ask();
    if (jobOf(answer)?.[0]) this.#askedAt.set(token, at);
    return answer;
  }
}
