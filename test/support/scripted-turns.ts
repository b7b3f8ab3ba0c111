/**
 * Turns of one shard on a real Redis, with the real executor and a function that is an object of the test. Daemons can be lost in the middle of
 * an invocation: its answer comes when the shard is another's.
 */
import { createExecutor } from '../../src/executor.ts';
import { type Log, silentLog } from '../../src/observe/log.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { RangeReader } from '../../src/redis/reader.ts';
import { eventOf } from '../../src/sandbox/isolate/event.ts';
import type { InvokeOutcome, InvokeRequest, Sandbox } from '../../src/sandbox/types.ts';
import { initShard } from '../../src/shard/init.ts';
import { openOutput } from '../../src/source/registry.ts';
import { systemClock } from '../../src/time.ts';
import type { TurnMapping, TurnSettings, TurnShard } from '../../src/turn/settings.ts';
import type { TurnEnd } from '../../src/queue/turn-worker.ts';
import type { TestRedis } from './redis.ts';

/** What the function does: its answer, and whether its daemon is lost before that comes. */
export interface Answer {
  readonly outcome: InvokeOutcome;
  readonly lost?: boolean;
}

const SHARD = 'shardId-000000000000';
const REPORT = { durationMs: 0, maxMemoryUsedMb: 0 };
const MAPPING = 'm';

export const returns = (value: unknown): InvokeOutcome => ({
  ...{ kind: 'ok', result: JSON.stringify(value), report: REPORT },
});
export const THROWS: InvokeOutcome = {
  ...{ kind: 'function-error', metric: 'error', report: REPORT },
  error: { errorType: 'Error', errorMessage: 'no', trace: [] },
};
export const AWAY: InvokeOutcome = { kind: 'infrastructure', reason: 'test' };

export type Changing = Pick<TurnSettings, 'batchSize' | 'tumblingMs' | 'policy' | 'filter'>;

export class ScriptedTurns {
  readonly keys: Keys;
  readonly stream: string;
  readonly out: string;
  readonly failures: string;
  /** Why turns were interrupted that are to be tried again: by nothing that a function does. */
  readonly interruptions: unknown[] = [];
  settings: Changing;
  readonly #redis: TestRedis;
  readonly #reader: RangeReader;
  readonly #answer: (event: unknown) => Answer;
  #daemons = 0;
  #onLost: (() => void) | null = null;
  readonly #late: (() => void)[] = [];
  readonly #abandoned: Promise<TurnEnd>[] = [];

  constructor(
    redis: TestRedis,
    reader: RangeReader,
    name: string,
    settings: Changing,
    answer: (event: unknown) => Answer,
  ) {
    this.#redis = redis;
    this.#reader = reader;
    this.#answer = answer;
    this.settings = settings;
    this.keys = new Keys(name);
    [this.stream, this.out, this.failures] = [`${name}:s`, `${name}:out`, `${name}:failed`];
  }

  begin(): Promise<boolean> {
    const shard = { shardId: SHARD, key: this.stream, parents: [], checkpoint: '0-0', entriesRead: 0 };
    return initShard(this.#redis.client, this.keys, MAPPING, shard);
  }

  state(): Promise<Record<string, string>> {
    return this.#redis.client.hgetall(this.keys.shard(MAPPING, SHARD));
  }

  /** One turn after the other, by a daemon of its own each, until one finds nothing to do. Waits are passed over. */
  async untilNothingIsLeft(turnsMax: number): Promise<void> {
    for (let turn = 0; turn < turnsMax; turn++) {
      const lost = new Promise<'lost'>((resolve) => (this.#onLost = () => resolve('lost')));
      const running = this.#turn();
      const end = await Promise.race([running, lost]);
      if (end === 'lost') this.#abandoned.push(running);
      else if (end.kind === 'finished') return;
      await this.#redis.client.hset(this.keys.shard(MAPPING, SHARD), 'nb', 0);
    }
    throw new Error(`not at the end after ${turnsMax} turns: ${JSON.stringify(this.interruptions.slice(-3))}`);
  }

  /** The answers of lost daemons arrive: each finds that the shard is another's. */
  async lateAnswers(): Promise<void> {
    for (const answer of this.#late.splice(0)) answer();
    for (const turn of this.#abandoned.splice(0)) await turn;
  }

  #turn(): Promise<TurnEnd> {
    const redis = this.#redis.client;
    const daemonId = `d${this.#daemons++}`;
    const error: Log['error'] = (fields, msg) => {
      if (msg.startsWith('turn interrupted')) this.interruptions.push(fields);
    };
    const log: Log = { ...silentLog, error, child: () => log };
    const executor = createExecutor({
      ...{ daemonId, redis, settleBy: redis, reader: this.#reader, keys: this.keys, clock: systemClock, log },
      sandbox: this.#sandbox(),
      handlerLog: () => () => undefined,
      observe: {
        ...{ invoked: () => undefined, settled: () => undefined, throttled: () => undefined },
        ...{ retried: () => undefined, takenOver: () => undefined, fenced: () => undefined },
      },
      // No slot is ever free, so that no turn waits for records.
      turnsPerMapping: 0,
    });
    const lock = `${this.keys.shard(MAPPING, SHARD)}:lock`;
    const token = daemonId;
    const held = redis.set(lock, token);
    return held.then(() =>
      executor.turn(this.#mapping(), {
        shardId: SHARD,
        held: () => true,
        renew: () => Promise.resolve(),
        proof: { key: lock, token },
      }),
    );
  }

  #sandbox(): Sandbox {
    return {
      invoke: (request) => this.#invoke(request),
      holdOffMs: () => 0,
      stats: () => [],
      reserve: () => ({ processes: 0, rssBytes: 0 }),
      close: () => Promise.resolve(),
    };
  }

  #invoke({ event, columns }: InvokeRequest): Promise<InvokeOutcome> {
    const { outcome, lost } = this.#answer(eventOf(event.toString('utf8'), columns ?? null));
    if (lost !== true) return Promise.resolve(outcome);
    this.#onLost!();
    return new Promise((resolve) => this.#late.push(() => resolve(outcome)));
  }

  #mapping(): TurnMapping {
    const { keys } = this;
    const version = {
      ...{ name: 'f', hash: 'v', bundlePath: '', sourceMapPath: null, codeCachePath: null, exportPath: 'handler' },
      ...{ handlerText: 'f.handler', memorySizeMb: 128, timeoutMs: 1_000, environment: {}, networkAllow: [] },
      ...{ secrets: [], concurrencyPerProcess: 1 },
    };
    const fixed = {
      ...{ mapping: MAPPING, streamName: 's', arn: 'arn:s', spooled: false, eventFormat: 'kinesis' as const },
      ...{
        bootstrapServers: '',
        firstSeen: false,
        windowMs: 0,
        laneCount: 1,
        failureStream: this.failures,
        failureBytesMax: 0,
      },
      ...{ output: { stream: this.out, maxUnsettled: null }, version, configHash: 'c' },
    };
    const shard: TurnShard = { shardId: SHARD, key: this.stream, parents: [], closed: false };
    const context = { redis: this.#redis.client, keys, clock: systemClock, log: silentLog };
    return {
      name: MAPPING,
      settings: () => ({ ...fixed, ...this.settings }),
      shard: () => shard,
      lookFor: () => Promise.resolve(shard),
      shardCount: 1,
      outputTo: (stream) => openOutput(stream, context),
    };
  }
}
