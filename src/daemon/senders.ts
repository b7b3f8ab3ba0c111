/** The ways into other systems that a poller has open: for notices one into each topic, for outputs one for each shard. */
import type { ConnectionConfig } from '../mapping/types.ts';
import type { Log } from '../observe/log.ts';
import { OUTBOX_IDLE_MS } from '../outbox-limits.ts';
import { type OutboxTarget, placeOf, type Sender, type TopicTarget } from '../outbox.ts';
import { openExactSender, openSender } from '../source/registry.ts';
import type { Keys } from '../redis/keys.ts';
import { SharedConnections } from '../redis/shared-connections.ts';
import type { Clock } from '../time.ts';
import { ExactWay } from './exact-way.ts';

export interface SendersDeps {
  readonly clock: Clock;
  readonly keys: Keys;
  readonly log: Log;
  readonly connections: () => ReadonlyMap<string, ConnectionConfig>;
}

interface Opened<T> {
  readonly connection: ConnectionConfig;
  readonly sender: T;
  usedAt: number;
}

export class Senders {
  readonly #deps: SendersDeps;
  readonly #notices = new Map<string, Opened<Sender>>();
  readonly #outputs = new Map<string, Opened<ExactWay>>();
  readonly #redises = new SharedConnections();

  constructor(deps: SendersDeps) {
    this.#deps = deps;
  }

  /** One for each topic: what one of them refuses does not disturb the others. */
  notices(to: TopicTarget): Sender {
    return this.#open(this.#notices, placeOf(to), to, (connection) => openSender(connection, to, this.#deps.log));
  }

  /** `name`: of the shard's outputs, wherever they go. */
  outputs(name: string, to: OutboxTarget): ExactWay {
    const { keys, log } = this.#deps;
    return this.#open(this.#outputs, `${name} ${'topic' in to} ${placeOf(to)}`, to, (connection) => {
      return new ExactWay(openExactSender(connection, to, { name, keys, log, redises: this.#redises }));
    });
  }

  /** Made anew when the connection was configured otherwise. */
  #open<T extends Sender | ExactWay>(
    among: Map<string, Opened<T>>,
    key: string,
    { connection: name }: OutboxTarget,
    open: (connection: ConnectionConfig) => T,
  ): T {
    const connection = this.#deps.connections().get(name);
    if (!connection) throw new Error(`there is no connection \`${name}\` in the configuration any more`);
    const usedAt = this.#deps.clock.monoMs();
    const known = among.get(key);
    if (known && JSON.stringify(known.connection) === JSON.stringify(connection)) {
      known.usedAt = usedAt;
      return known.sender;
    }
    void known?.sender.close();
    const sender = open(connection);
    among.set(key, { connection, sender, usedAt });
    return sender;
  }

  /** Each of those into a topic has connections of its own; those into a Redis keep the one that they have together. */
  closeIdle(): void {
    const before = this.#deps.clock.monoMs() - OUTBOX_IDLE_MS;
    for (const [key, { sender, usedAt }] of this.#outputs) {
      if (usedAt >= before) continue;
      this.#outputs.delete(key);
      void sender.close();
    }
  }

  async close(): Promise<void> {
    const all = [...this.#notices.values(), ...this.#outputs.values()];
    await Promise.all(all.map(({ sender }) => sender.close()));
  }
}
