/** Which mappings this daemon serves, and which not because others serve them differently (product.md, "Namespaces and mappings"). */
import { createHash } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { Config, MappingConfig } from '../mapping/types.ts';
import type { FunctionVersion } from '../sandbox/types.ts';
import type { Member } from './membership.ts';
import { isSuperseded, type Registered, registerMapping, registerVersion } from './registry.ts';
import { type ServedDeps, ServedMapping } from './served-mapping.ts';

export interface ServingDeps extends ServedDeps {
  /** A mapping begins to be served: open what takes its turns. */
  readonly onServe: (mapping: ServedMapping) => void;
}

interface FunctionState {
  readonly version: FunctionVersion;
  readonly order: number;
  readonly superseded: boolean;
  /** Heartbeats after which parked turns are started once more: until then a daemon with the version before may still take them. */
  promotions: number;
}

const PROMOTIONS = 3;

export class Serving {
  readonly #deps: ServingDeps;
  readonly #served = new Map<string, ServedMapping>();
  readonly #conflicts = new Map<string, string>();
  /** Mappings whose pinned fields were replaced while this daemon served them: it does not replace them back. */
  readonly #giveWay = new Set<string>();
  readonly #retiring = new Set<Promise<void>>();
  readonly #functions = new Map<string, FunctionState>();
  #config: Config | null = null;
  /** As of the last heartbeat. */
  #members: readonly Member[] = [];
  #me = '';
  #closing = false;

  constructor(deps: ServingDeps) {
    this.#deps = deps;
  }

  names(): string[] {
    return [...this.#served.keys()];
  }

  mappings(): ServedMapping[] {
    return [...this.#served.values()];
  }

  /** What this daemon writes about itself. */
  claims(): Pick<Member, 'mappings' | 'functions' | 'conflicts' | 'problems'> {
    return {
      mappings: Object.fromEntries([...this.#served].map(([name, mapping]) => [name, fingerprint(mapping.config)])),
      functions: Object.fromEntries([...this.#functions].map(([name, { order }]) => [name, order])),
      conflicts: Object.fromEntries(this.#conflicts),
      problems: Object.fromEntries(this.#broken().map(({ name, problem }) => [name, problem!])),
    };
  }

  problems(): string[] {
    return [
      ...[...this.#conflicts].map(([name, kind]) => `${kind}: ${name}`),
      ...this.#broken().map((mapping) => `${mapping.name}: ${mapping.problem}`),
    ];
  }

  #broken(): ServedMapping[] {
    return this.mappings().filter((mapping) => mapping.problem !== null);
  }

  /** Makes the configuration the one that is served, from the next unit on. */
  async apply(
    config: Config,
    versions: ReadonlyMap<string, FunctionVersion>,
    members: readonly Member[],
    me: string,
  ): Promise<void> {
    this.#config = config;
    this.#members = members;
    this.#me = me;
    this.#giveWay.clear();
    for (const [name, version] of versions) await this.#registerFunction(name, version, members, me);
    for (const [name, mapping] of this.#served) {
      if (config.mappings.get(name)?.enabled) continue;
      this.#served.delete(name);
      await mapping.close();
    }
    for (const name of this.#conflicts.keys()) if (!config.mappings.has(name)) this.#conflicts.delete(name);
    for (const mapping of config.mappings.values()) await this.#register(mapping, members, me);
    await this.refresh();
  }

  async #registerFunction(
    name: string,
    version: FunctionVersion,
    members: readonly Member[],
    me: string,
  ): Promise<void> {
    const { redis, keys } = this.#deps;
    const known = this.#functions.get(name);
    if (known?.version.hash === version.hash) return;
    const others = members.filter((member) => member.id !== me);
    let order = await registerVersion(redis, keys, name, version.hash);
    const superseded = isSuperseded(name, order, others);
    // Nobody alive has a newer one: whoever starts an older version now means it (a roll-back).
    if (!superseded) order = await registerVersion(redis, keys, name, version.hash, true);
    this.#functions.set(name, { version, order, superseded, promotions: PROMOTIONS });
    await this.#promote(name);
  }

  /** A version that takes over does not wait for back-offs: each blocked unit is tried at once, once. */
  async #promote(functionName: string): Promise<void> {
    const waiting = this.mappings().filter((mapping) => mapping.config.function === functionName);
    await Promise.all(waiting.map((mapping) => mapping.queue.promote()));
  }

  async #register(config: MappingConfig, members: readonly Member[], me: string): Promise<void> {
    const version = this.#functions.get(config.function)!.version;
    const registered = await this.#claim(config, version, members, me);
    if (registered.kind !== 'ok') {
      if (!this.#conflicts.has(config.name)) {
        this.#deps.log.error(
          { mapping: config.name, stored: registered.stored },
          registered.kind === 'source-conflict'
            ? 'the name of this mapping belongs to another source: use a new name, or `millrace mapping forget` the old one'
            : 'other daemons run this mapping with other pinned fields: stop them, or `millrace mapping apply`',
        );
      }
      this.#conflicts.set(config.name, registered.kind);
      this.#retire(config.name);
      return;
    }
    this.#conflicts.delete(config.name);
    this.#giveWay.delete(config.name);
    const served = this.#served.get(config.name);
    if (served) served.replace(config, version);
    else if (config.enabled) {
      const mapping = new ServedMapping(this.#deps, config, version);
      this.#served.set(config.name, mapping);
      await this.#promote(config.function);
    }
  }

  /** Takes no turn of it any more; those that run end in their own time, which must not hold up the heartbeat. */
  #retire(name: string): void {
    const served = this.#served.get(name);
    if (!served) return;
    this.#served.delete(name);
    const gone = served.close().catch((error: unknown) => {
      const message = messageOf(error);
      this.#deps.log.warn({ mapping: name, error: message }, 'a mapping was not closed in order');
    });
    this.#retiring.add(gone);
    void gone.then(() => this.#retiring.delete(gone));
  }

  async #claim(
    config: MappingConfig,
    version: FunctionVersion,
    members: readonly Member[],
    me: string,
  ): Promise<Registered> {
    const { redis, keys } = this.#deps;
    const others = members.filter((member) => member.id !== me);
    return await registerMapping(
      redis,
      keys,
      {
        ...{
          name: config.name,
          pinned: JSON.stringify(config.pinned),
          function: config.function,
          enabled: config.enabled,
          configHash: config.configHash,
        },
        ...{ source: config.source, output: config.output, functionVersion: version.hash },
      },
      (stored) =>
        this.#giveWay.has(config.name) ||
        others.some((member) => member.mappings[config.name] === fingerprintOf(stored)),
    );
  }

  /** After each heartbeat: conflicts may be over, versions may be superseded. */
  async follow(members: readonly Member[], me: string): Promise<void> {
    this.#members = members;
    this.#me = me;
    const others = members.filter((member) => member.id !== me);
    for (const [name, state] of this.#functions) {
      const current = await this.#orderNow(name, state, others);
      const superseded = isSuperseded(name, current, others);
      if (current !== state.order) this.#functions.set(name, { ...state, order: current });
      if (!superseded && state.promotions > 0) {
        state.promotions--;
        await this.#promote(name);
      }
      if (superseded === state.superseded) continue;
      let order = current;
      if (!superseded) order = await registerVersion(this.#deps.redis, this.#deps.keys, name, state.version.hash, true);
      this.#functions.set(name, { ...state, order, superseded, promotions: PROMOTIONS });
      this.#deps.log.info(
        { function: name, superseded },
        superseded ? 'a newer version is alive elsewhere: taking no turns' : 'taking turns again',
      );
      if (!superseded) await this.#promote(name);
    }
    for (const mapping of this.mappings()) {
      await mapping.setPaused(this.#functions.get(mapping.config.function)?.superseded ?? false);
    }
    for (const name of await this.#replaced()) this.#giveWay.add(name);
    for (const name of new Set([...this.#conflicts.keys(), ...this.#giveWay])) {
      const config = this.#config?.mappings.get(name);
      if (config) await this.#register(config, members, me);
    }
  }

  /** Mappings whose pinned fields somebody has changed since this daemon registered its own (`millrace mapping apply`). */
  async #replaced(): Promise<string[]> {
    const { redis, keys } = this.#deps;
    const mappings = this.mappings();
    const stored = await Promise.all(mappings.map(({ name }) => redis.hget(keys.mapping(name), 'pinned')));
    return mappings
      .filter(({ config }, i) => stored[i] !== null && stored[i] !== JSON.stringify(config.pinned))
      .map(({ name }) => name);
  }

  /** The very same version may have been registered anew by another daemon (a roll-back): it is newer then here, too. */
  async #orderNow(name: string, { version, order }: FunctionState, others: readonly Member[]): Promise<number> {
    if (!isSuperseded(name, order, others)) return order;
    return await registerVersion(this.#deps.redis, this.#deps.keys, name, version.hash);
  }

  /** Asks every source for its shards; true when a set of shards changed. */
  async refresh(): Promise<boolean> {
    let changed = false;
    for (const mapping of this.mappings()) {
      try {
        if (await mapping.wasForgotten()) await this.#register(mapping.config, this.#members, this.#me);
        if (await mapping.refresh()) changed = true;
        const superseded = this.#functions.get(mapping.config.function)?.superseded ?? false;
        if (!this.#closing && !superseded) this.#deps.onServe(mapping);
      } catch (error) {
        const message = messageOf(error);
        this.#deps.log.error({ mapping: mapping.name, error: message }, 'the source cannot be read, trying again');
      }
    }
    return changed;
  }

  /** For good: none is opened any more. */
  async closeWorkers(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#retiring, ...this.mappings().map((mapping) => mapping.closeWorker())]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#retiring, ...this.mappings().map((mapping) => mapping.close())]);
  }
}

function fingerprint(config: MappingConfig): string {
  return fingerprintOf(JSON.stringify(config.pinned));
}

function fingerprintOf(pinned: string): string {
  return createHash('sha256').update(pinned).digest('hex').slice(0, 16);
}
