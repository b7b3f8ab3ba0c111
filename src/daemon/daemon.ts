/**
 * A daemon: the two stories, wired. Knows who else is alive, which mappings and function versions it may serve, and how to stop without
 * a repeat. Everything that decides about records is elsewhere.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createExecutor, type Executor } from '../executor.ts';
import { messageOf, MillraceError } from '../errors.ts';
import { HEARTBEAT_MS, REDIS_SILENCE_MS, TOPOLOGY_MS, WATCH_BLOCK_MS } from '../limits.ts';
import type { Config } from '../mapping/types.ts';
import { type HttpEndpoint, startHttp } from '../observe/http.ts';
import type { Logger } from '../observe/logger.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import { Poller } from '../poller.ts';
import { checkServer, connectRedis, type Redis } from '../redis/connect.ts';
import { giveUpSilent, giveUpTogether } from '../redis/duplicates.ts';
import { Keys } from '../redis/keys.ts';
import { createReader, type RangeReader } from '../redis/reader.ts';
import { createScriptLine } from '../redis/script-line.ts';
import type { FunctionVersion, Sandbox } from '../sandbox/types.ts';
import { type Clock, systemClock } from '../time.ts';
import type { HandBack, ShardChanged } from '../turn/settings.ts';
import { VERSION } from '../version.ts';
import { every, type Repeating } from '../watch/every.ts';
import { Forwarding } from './forwarding.ts';
import { functionShares } from './function-shares.ts';
import { boxesOf } from './mapping-settings.ts';
import { beat, leave, type Member } from './membership.ts';
import { ReaderBacklogs } from './reader-backlogs.ts';
import { Redriving } from './redriving.ts';
import { Serving } from './serving.ts';

export type Role = 'poller' | 'executor';

export interface DaemonOptions {
  readonly config: Config;
  readonly roles: readonly Role[];
  readonly log: Logger;
  /** HOST:PORT, 'off', or undefined for the default. */
  readonly http: string | undefined;
  /** Turns of one mapping at once. */
  readonly concurrency: number;
  /** Makes the sandbox of this daemon; asked for once, and only with the role of an executor. */
  readonly sandbox: () => Promise<Sandbox>;
  /** Bundles the functions of a configuration; throws a MillraceError when one cannot be. */
  readonly loadFunctions: (config: Config) => Promise<ReadonlyMap<string, FunctionVersion>>;
  readonly clock?: Clock;
}

export interface Daemon {
  readonly id: string;
  /** HOST:PORT of its HTTP endpoint; null when off. */
  readonly http: string | null;
  /** All or nothing: on an error the old configuration goes on. Takes effect between units. */
  reload(config: Config): Promise<void>;
  /** Takes nothing new, lets what is in flight finish, leaves. */
  stop(): Promise<void>;
  /** Stops at once: what is in flight is delivered again later. */
  abort(): Promise<void>;
}

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const daemon = new RunningDaemon(options);
  try {
    await daemon.start();
  } catch (error) {
    await daemon.abort();
    throw error;
  }
  return daemon;
}

class RunningDaemon implements Daemon {
  readonly id = randomUUID();
  readonly #options: DaemonOptions;
  readonly #clock: Clock;
  readonly #metrics: Metrics = createMetrics();
  readonly #since = new Date().toISOString();
  readonly #closers: (() => unknown)[] = [];
  #keys: Keys;
  #redis!: Redis;
  #subscriber: Redis | null = null;
  #sandbox: Sandbox | null = null;
  #executor: Executor | null = null;
  #poller: Poller | null = null;
  #forwarding: Forwarding | null = null;
  #readerBacklogs: ReaderBacklogs | null = null;
  #redriving: Redriving | null = null;
  #connections: Config['connections'];
  #serving!: Serving;
  #endpoint: HttpEndpoint | null = null;
  #loops: Repeating[] = [];
  #members: Member[] = [];
  /** Why Redis, which is there, does not take the heartbeat; null: it does. */
  #refusal: string | null = null;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#keys = new Keys(options.config.namespace);
    this.#connections = options.config.connections;
  }

  get http(): string | null {
    return this.#endpoint?.address ?? null;
  }

  async start(): Promise<void> {
    const { config, log, roles } = this.#options;
    const versions = await this.#options.loadFunctions(config);
    this.#redis = await this.#connect('daemon');
    giveUpTogether(this.#redis);
    await checkServer(this.#redis);
    const reader = createReader(config.redis, { log, redis: this.#redis });
    this.#closers.push(() => reader.close());
    if (roles.includes('executor')) await this.#openExecutor(reader);
    if (roles.includes('poller')) await this.#openPoller(reader);
    const { concurrency } = this.#options;
    const executor = this.#executor;
    this.#serving = new Serving({
      ...{ redis: this.#redis, keys: this.#keys, clock: this.#clock, log, feeds: roles.includes('poller') },
      onServe: (mapping) => executor && mapping.openWorker(concurrency, (m, lock) => executor.turn(m, lock)),
    });
    this.#metrics.introduce({ mappings: [...config.mappings.keys()], functions: [...config.functions.keys()] });
    this.#endpoint = await startHttp({
      target: this.#options.http,
      metrics: this.#metrics,
      ready: () => this.#readiness(),
      log,
    });
    await this.#beat();
    await this.#serving.apply(config, versions, this.#members, this.id);
    await this.#beat();
    if (roles.includes('poller')) {
      this.#forwarding = this.#openForwarding();
      this.#readerBacklogs = this.#openReaderBacklogs();
      this.#redriving = this.#openRedriving();
    }
    const failed = (what: string) => (error: unknown) =>
      log.warn({ error: messageOf(error) }, `${what} interrupted, it goes on`);
    this.#loops = [
      every(
        this.#clock,
        () => HEARTBEAT_MS,
        () => this.#beat(),
        (error) => {
          this.#refusal = error instanceof Error ? (/^[A-Z]{3,}\b/.exec(error.message)?.[0] ?? null) : null;
          failed('heartbeat')(error);
        },
      ),
      every(
        this.#clock,
        () => HEARTBEAT_MS,
        // It only listens: without a question it would never notice that nobody is there.
        async () => void (await this.#subscriber?.ping()),
        failed('hand-backs'),
      ),
      every(
        this.#clock,
        () => TOPOLOGY_MS,
        () => this.#refresh(),
        failed('the source'),
      ),
    ];
    log.info({ id: this.id, roles, http: this.http, version: VERSION, mappings: this.#serving.names() }, 'ready');
  }

  async #connect(role: string): Promise<Redis> {
    const redis = await connectRedis(this.#options.config.redis, { role, log: this.#options.log });
    this.#closers.push(() => redis.disconnect());
    return redis;
  }

  async #openExecutor(reader: RangeReader): Promise<void> {
    const { log } = this.#options;
    const sandbox = await this.#options.sandbox();
    this.#sandbox = sandbox;
    this.#metrics.sandboxes(() => [...sandbox.stats(), { function: '', rssBytes: sandbox.reserve().rssBytes }]);
    const settleBy = createScriptLine(this.#options.config.redis, this.#redis, { log });
    this.#closers.push(() => settleBy.close());
    this.#executor = createExecutor({
      ...{
        daemonId: this.id,
        redis: this.#redis,
        settleBy,
        reader,
        keys: this.#keys,
        sandbox,
        clock: this.#clock,
        log,
      },
      turnsPerMapping: this.#options.concurrency,
      handlerLog: (origin) => log.handler(origin),
      observe: this.#metrics,
    });
  }

  async #openPoller(reader: RangeReader): Promise<void> {
    const { log } = this.#options;
    const poller = new Poller({
      ...{ daemonId: this.id, redis: this.#redis, reader, keys: this.#keys, clock: this.#clock, log },
      // A server that is away is told of by the connection that this is made of.
      connectWatch: () =>
        this.#redis
          .duplicate({
            ...{ connectionName: 'millrace:watch', lazyConnect: false },
            socketTimeout: WATCH_BLOCK_MS + REDIS_SILENCE_MS,
          })
          .on('error', () => undefined),
      onSettled: (mapping, counts) => this.#metrics.settled(mapping, counts),
      gauges: (mapping, gauges) => this.#metrics.watched(mapping, gauges),
    });
    this.#poller = poller;
    const subscriber = await this.#connect('hand-back');
    giveUpSilent(subscriber, REDIS_SILENCE_MS);
    await subscriber.subscribe(this.#keys.watchChannel());
    subscriber.on('message', (_channel, text) => poller.handBack(JSON.parse(text) as HandBack | ShardChanged));
    this.#subscriber = subscriber;
  }

  #openForwarding(): Forwarding {
    const { log } = this.#options;
    const mappings = () => this.#serving.mappings().map(({ name, config }) => ({ name, sends: boxesOf(config) }));
    return new Forwarding({
      ...{ redis: this.#redis, keys: this.#keys, clock: this.#clock, log, me: this.id, mappings },
      ...{ connections: () => this.#connections, observe: this.#metrics },
    });
  }

  #openReaderBacklogs(): ReaderBacklogs {
    const { log, config } = this.#options;
    return new ReaderBacklogs({
      ...{ redis: this.#redis, keys: this.#keys, clock: this.#clock, log, ownUrl: config.redis },
      configs: () => this.#serving.mappings().map((mapping) => mapping.config),
      connections: () => this.#connections,
    });
  }

  #openRedriving(): Redriving {
    const { log } = this.#options;
    const mappings = () => this.#serving.mappings();
    return new Redriving({ redis: this.#redis, keys: this.#keys, clock: this.#clock, log, mappings });
  }

  /** Once a second: I am alive; who else is; what follows from it. */
  async #beat(): Promise<void> {
    const shares = functionShares(this.#sandbox?.stats() ?? [], this.#clock.wallMs());
    const me = {
      ...{
        id: this.id,
        host: hostname(),
        pid: process.pid,
        roles: this.#options.roles,
        since: this.#since,
        version: VERSION,
      },
      ...this.#serving.claims(),
    };
    this.#members = await beat(this.#redis, this.#keys, me, shares);
    this.#refusal = null;
    await this.#serving.follow(this.#members, this.id);
    this.#assign();
  }

  async #refresh(): Promise<void> {
    if (await this.#serving.refresh()) this.#assign();
  }

  #assign(): void {
    const pollers = this.#members.filter((member) => member.roles.includes('poller'));
    const mappings = this.#serving.mappings().map((mapping) => {
      const members = pollers
        .filter((m) => m.id === this.id || m.mappings[mapping.name] !== undefined)
        .map((m) => m.id);
      return { mapping, members };
    });
    this.#poller?.assign(this.id, mappings, new Set(this.#members.map((member) => member.id)));
  }

  #readiness(): { ok: boolean; reasons: string[] } {
    const reasons = this.#serving?.problems() ?? ['starting'];
    if (this.#redis.status !== 'ready') reasons.push('redis-unreachable');
    else if (this.#refusal) reasons.push(`redis-refuses: ${this.#refusal}`);
    return { ok: reasons.length === 0, reasons };
  }

  async reload(config: Config): Promise<void> {
    if (config.namespace !== this.#options.config.namespace || config.redis !== this.#options.config.redis) {
      throw new MillraceError('reload-refused', 'namespace and redis cannot change while the daemon runs', {
        hint: 'restart the daemon to use the new ones',
      });
    }
    const versions = await this.#options.loadFunctions(config);
    this.#options.log.addSecrets(config.secrets);
    this.#metrics.introduce({ mappings: [...config.mappings.keys()], functions: [...config.functions.keys()] });
    this.#connections = config.connections;
    await this.#serving.apply(config, versions, this.#members, this.id);
    await this.#beat();
  }

  async stop(): Promise<void> {
    this.#executor?.drain();
    // Executors first, so that what ends now is still handed back to a poller.
    await this.#part('turns', () => this.#serving.closeWorkers());
    await this.abort();
  }

  async abort(): Promise<void> {
    const loops = this.#loops;
    this.#loops = [];
    this.#executor?.drain();
    await this.#part('sandbox', () => this.#sandbox?.close());
    await Promise.all(loops.map((loop) => loop.stop()));
    await this.#part('outboxes', () => this.#forwarding?.close());
    await this.#part('readers of outputs', () => this.#readerBacklogs?.close());
    await this.#part('redrives', () => this.#redriving?.close());
    await this.#part('poller', () => this.#poller?.close());
    await this.#part('mappings', () => this.#serving?.close());
    // One that never joined (an unsuitable server) has nothing to leave.
    const joined = this.#members.length > 0 && this.#redis.status === 'ready';
    if (joined) await this.#part('membership', () => leave(this.#redis, this.#keys, this.id));
    await this.#part('http', () => this.#endpoint?.close());
    for (const close of this.#closers.splice(0).reverse()) await this.#part('connections', close);
  }

  /** One part that cannot end properly (Redis refuses, a socket broke) must not keep the others from ending. */
  async #part(what: string, end: () => unknown): Promise<void> {
    try {
      await end();
    } catch (error) {
      const message = messageOf(error);
      this.#options.log.warn({ part: what, error: message }, 'could not be ended properly');
    }
  }
}
