/** Millrace and its peers on Redis streams. */
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Queue } from 'bullmq';
import { stringify } from 'yaml';
import { VERSION } from '../../src/version.ts';
import { type Program, start, startMillrace, startPeer } from '../support/daemon.ts';
import { handlerText, kindArgs, KINDS } from '../support/kinds.ts';
import { mappingOf, record200 } from '../support/lab.ts';
import { BENTHOS, benthosProgram } from '../support/peer-setup.ts';
import { descendants } from '../support/processes.ts';
import { measureStretch, progressOf, type Sample } from '../support/stretch.ts';
import { workFunction } from '../support/work.ts';
import { packageVersion } from './package-version.ts';
import { type RedisPlace, SHARDS, STREAM } from './redis-place.ts';
import type { Cell, System, Terms } from './types.ts';

const BATCHES = [1, 10, 100, 1_000];
const ALL: readonly Cell[] = [
  ...KINDS.flatMap((kind) =>
    BATCHES.map((batch): Cell => ({
      kind,
      batch,
      data: '200-byte JSON',
      ...(kind !== 'parse' && batch === 10 && { once: true }),
    })),
  ),
  { kind: 'parse', batch: 100, data: 'flights' },
];
/** BullMQ hands on one job at a time, so many beside each other. */
const JOB_CONCURRENCY = 50;
/** Jobs are made before they are measured: as many as it may do meanwhile. */
const JOBS_PER_SECOND = 15_000;
const ADD_AT_ONCE = 1_000;

export function redisSystems(place: RedisPlace, terms: Terms): System[] {
  return [millrace(place, terms), loop(place, terms), jobs(place, terms), ...connects(place, terms)];
}

function millrace({ lab }: RedisPlace, { work, seconds, perShard }: Terms): System {
  return {
    ...{ id: 'millrace', name: 'Millrace', version: VERSION, source: 'Redis streams', givesUp: 'nothing', cells: ALL },
    async run({ kind, batch, data }, mapping) {
      const mappings = { [mapping]: mappingOf(STREAM[data], batch) };
      const config = lab.configure(handlerText(kind, work, 'kinesis'), mappings, {
        functions: { f: workFunction(work) },
      });
      const daemon = await startMillrace(config);
      const look = async () => {
        const done = await lab.succeeded(mapping, SHARDS);
        return { done, over: done >= perShard * SHARDS };
      };
      const pids = () => ({ redis: [lab.server.pid], daemon: [daemon.pid], children: descendants(daemon.pid) });
      return await stretchOf(daemon, 'SIGTERM', () => measureStretch(look, pids, seconds));
    },
  };
}

function loop({ lab, keys }: RedisPlace, { work, seconds }: Terms): System {
  return {
    ...{ id: 'loop', name: 'ioredis loop by hand', version: `ioredis ${packageVersion('ioredis')}` },
    ...{ source: 'Redis streams', cells: ALL },
    givesUp: 'retries, poison records, take-over of a dead process, the sandbox; in order while nothing fails',
    async run({ kind, batch, data }, group) {
      const args = [lab.server.url, group, batch, keys[data].join(','), ...kindArgs(kind, work)];
      const peer = startPeer('stream-loop.ts', args);
      const pids = () => ({ redis: [lab.server.pid], loop: [peer.pid] });
      return await stretchOf(peer, 'SIGKILL', () => measureStretch(progressOf(peer), pids, seconds));
    },
  };
}

function jobs({ lab }: RedisPlace, { work, seconds, perShard }: Terms): System {
  return {
    ...{ id: 'bullmq', name: 'one BullMQ job per record', version: `BullMQ ${packageVersion('bullmq')}` },
    source: 'Redis streams',
    givesUp: `order (a failed job goes behind the others; ${JOB_CONCURRENCY} run at once), batches, the sandbox`,
    cells: ALL.filter(({ batch, data }) => batch === 1 && data === '200-byte JSON'),
    async run({ kind }, name) {
      const queue = new Queue<string>(name, { connection: { url: lab.server.url } });
      const total = Math.min(JOBS_PER_SECOND * (seconds + 1), perShard * SHARDS);
      for (let at = 0; at < total; at += ADD_AT_ONCE) {
        await queue.addBulk(
          Array.from({ length: Math.min(ADD_AT_ONCE, total - at) }, (_, n) => ({
            ...{ name: 'record', data: record200(0, at + n), opts: { removeOnComplete: true } },
          })),
        );
      }
      const peer = startPeer('queue-jobs.ts', [lab.server.url, name, JOB_CONCURRENCY, total, ...kindArgs(kind, work)]);
      const pids = () => ({ redis: [lab.server.pid], worker: [peer.pid] });
      const sample = await stretchOf(peer, 'SIGKILL', () => measureStretch(progressOf(peer), pids, seconds));
      await queue.obliterate({ force: true });
      await queue.close();
      return sample;
    },
  };
}

/** What the script does with a message: the handler's work, in the processor's own terms. */
const scriptOf = (kind: Cell['kind'], rounds: number): string => `
  const { id } = JSON.parse(benthos.v0_msg_as_string());
  let hash = id | 0;
  ${kind === 'cpu' ? `for (let n = 0; n < ${rounds}; n++) hash = Math.imul(hash ^ n, 16777619);` : ''}
  benthos.v0_msg_set_string(JSON.stringify({ sum: hash }));`;

function connects(place: RedisPlace, terms: Terms): System[] {
  const shared = {
    ...{ version: `Benthos ${BENTHOS}`, source: 'Redis streams' as const },
    givesUp:
      'order (a failed record is skipped, or comes again behind others), batches of a function, the sandbox’s bounds',
  };
  const cells = ALL.filter(({ batch, data }) => (batch === 1 || batch === 100) && data === '200-byte JSON');
  const parses = cells.filter(({ kind }) => kind === 'parse');
  return [
    {
      ...{ id: 'connect-javascript', name: 'Redpanda Connect’s engine, javascript', ...shared },
      cells: [...parses, ...cells.filter(({ kind, batch }) => kind === 'cpu' && batch === 100)],
      run: (cell, group) =>
        connect(place, terms, cell, group, { javascript: { code: scriptOf(cell.kind, terms.work.rounds) } }),
    },
    {
      ...{ id: 'connect-mapping', name: 'Redpanda Connect’s engine, mapping', ...shared, cells: parses },
      run: (cell, group) => connect(place, terms, cell, group, { mapping: 'root = {"sum": this.id}' }),
    },
  ];
}

async function connect(
  { lab, keys }: RedisPlace,
  { seconds }: Terms,
  { batch, data }: Cell,
  group: string,
  processor: object,
): Promise<Sample> {
  const program = await benthosProgram();
  const dir = await mkdtemp(path.join(tmpdir(), 'millrace-bench-connect-'));
  const file = path.join(dir, 'config.yaml');
  const from = { url: lab.server.url, streams: keys[data], consumer_group: group, body_key: 'data' };
  writeFileSync(
    file,
    stringify({
      ...{ http: { enabled: false }, logger: { level: 'WARN' }, output: { tell: {} } },
      input: { redis_streams: { ...from, limit: batch, commit_period: '100ms' } },
      pipeline: { threads: 1, processors: [processor] },
    }),
  );
  const peer = start(program, ['run', file]);
  const pids = () => ({ redis: [lab.server.pid], engine: [peer.pid] });
  const sample = await stretchOf(peer, 'SIGKILL', () => measureStretch(progressOf(peer), pids, seconds));
  await rm(dir, { recursive: true });
  return sample;
}

/** Measures, and ends the program whatever came of it. */
export async function stretchOf(program: Program, by: NodeJS.Signals, measure: () => Promise<Sample>): Promise<Sample> {
  try {
    return await measure();
  } finally {
    program.kill(by);
    await program.stop();
  }
}
