/** A Redis that is there and refuses: its memory is full, its disk is full, or it has become a replica, which only reads. */
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../support/daemon.ts';
import { goOn } from './going-on.ts';
import { type Lab, pause } from './lab.ts';
import { ask } from './stalls.ts';

const run = promisify(execFile);
/** So much is written before it is full: in the middle of a write. */
const ROOM_BYTES = 2_000;
const REFUSED_MS_MAX = 10_000;
/** Of no daemon. */
const PROBE = 'probe';
/** Seconds of work for each shard. */
const BACKLOG = 100;

export interface Refusal {
  readonly name: string;
  begin(lab: Lab): Promise<void>;
  end(lab: Lab): Promise<void>;
  /** What a write is told. */
  readonly says: RegExp;
  /** Turns go on meanwhile. */
  readonly settles: boolean;
}

export const MEMORY_FULL: Refusal = {
  ...{ name: 'memory full', says: /^OOM/, settles: true },
  begin: async ({ redis }) => void (await redis.config('SET', 'maxmemory', '1mb')),
  end: async ({ redis }) => void (await redis.config('SET', 'maxmemory', '0')),
};

const DISK_FULL: Refusal = {
  ...{ name: 'disk full', says: /^MISCONF/, settles: false },
  begin: async (lab) => await boundFiles(lab, String((await appendOnlyBytes(lab)) + ROOM_BYTES)),
  end: (lab) => boundFiles(lab, 'unlimited'),
};

export const READ_ONLY: Refusal = {
  ...{ name: 'read-only', says: /^READONLY/, settles: false },
  // Of a primary that nobody can reach: it keeps what it has.
  begin: async ({ redis }) => void (await redis.replicaof('127.0.0.1', '1')),
  end: async ({ redis }) => void (await redis.replicaof('NO', 'ONE')),
};

export const REFUSALS: readonly Refusal[] = [MEMORY_FULL, DISK_FULL, READ_ONLY];

async function boundFiles({ redisPid }: Lab, bytes: string): Promise<void> {
  await run('prlimit', [`--pid=${redisPid}`, `--fsize=${bytes}:unlimited`]);
}

async function appendOnlyBytes(lab: Lab): Promise<number> {
  const dir = path.join(lab.dir, 'redis', 'appendonlydir');
  const sizes = await Promise.all((await readdir(dir)).map(async (name) => (await stat(path.join(dir, name))).size));
  return Math.max(...sizes);
}

/** A daemon that cannot say that it is alive is not ready. */
async function isTold(lab: Lab, { says, name }: Refusal): Promise<void> {
  const why = `redis-refuses: ${says.source.slice(1)}`;
  const [daemon] = lab.ready();
  const what = `not ready, ${name}`;
  await eventually(
    () => ask(daemon!, '/readyz'),
    (text) => text.includes(why),
    { withinMs: REFUSED_MS_MAX, what },
  );
}

/** `work` is done from its first refusal on; Redis takes everything again when it resolves. */
export async function whileRefused(lab: Lab, refusal: Refusal, work: () => Promise<void>): Promise<void> {
  const id = await lab.beginFault(refusal.name);
  await refusal.begin(lab);
  const ask = (): Promise<string> => lab.redis.xadd(PROBE, '*', 'x', 'y').then(String, (error: Error) => error.message);
  const what = `a refusal, ${refusal.name}`;
  await eventually(ask, (answer) => refusal.says.test(answer), { withinMs: REFUSED_MS_MAX, what });
  await work();
  await refusal.end(lab);
  await eventually(ask, (answer) => /^\d+-\d+$/.test(answer), { withinMs: REFUSED_MS_MAX, what: `the end of ${what}` });
  await lab.redis.del(PROBE);
  await lab.healFault(id, refusal.name);
}

/** Redis refuses for so long from its first refusal on. Resolves with how long it took, after that, until every shard had settled something. */
export async function refuse(lab: Lab, refusal: Refusal, ms: number): Promise<number> {
  // For it takes nothing new meanwhile.
  if (refusal.settles) await lab.producer.put(BACKLOG, { perSecond: 0, work: [60, 120], failing: 0 });
  await whileRefused(lab, refusal, async () => {
    if (refusal.settles) await goOn(lab);
    else await isTold(lab, refusal);
    await pause(ms);
  });
  const ended = performance.now();
  await goOn(lab);
  return performance.now() - ended;
}
