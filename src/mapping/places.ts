/** Which streams and topics are the same, by whatever name their servers are declared. */
import type { Finding } from './report.ts';
import type { MappingView } from './rules.ts';
import { nodeAt } from './tree.ts';
import type { ConnectionConfig } from './types.ts';

export interface Place {
  readonly id: string;
  readonly name: string;
}

type Written =
  | { readonly type: 'redis-stream'; readonly stream: string; readonly connection?: string }
  | { readonly type: 'kafka' | 'kafka-topic'; readonly connection: string; readonly topic: string };

export class Places {
  readonly #own: string;
  readonly #connections: ReadonlyMap<string, ConnectionConfig>;

  /** `redis`: URL of the server that Millrace runs on. */
  constructor(redis: string, connections: ReadonlyMap<string, ConnectionConfig>) {
    this.#own = serverOf(redis);
    this.#connections = connections;
  }

  of(written: Written): Place {
    if (written.type === 'redis-stream') {
      const { stream, connection } = written;
      return { id: `stream ${this.#serverNamed(connection)} ${stream}`, name: stream };
    }
    const { connection, topic } = written;
    const cluster = this.#connections.get(connection);
    const brokers = cluster?.type === 'kafka' ? cluster.brokers.toSorted().join() : connection;
    return { id: `topic ${brokers} ${topic}`, name: topic };
  }

  /** The server that Millrace runs on, as far as its name tells. */
  isOwn(connection: string): boolean {
    return this.#serverNamed(connection) === this.#own;
  }

  #serverNamed(connection: string | undefined): string {
    if (connection === undefined) return this.#own;
    const server = this.#connections.get(connection);
    return server?.type === 'redis' ? serverOf(server.url) : connection;
  }
}

/** Host, port and database. */
function serverOf(url: string): string {
  if (!URL.canParse(url)) return url;
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || '6379'}/${Number(pathname.slice(1))}`;
}

/** It works, and costs a way through the outbox for nothing. */
export function ownServerFindings(views: readonly MappingView[], places: Places): Finding[] {
  return views.flatMap(({ declared, values: { output } }): Finding[] => {
    if (output?.type !== 'redis-stream' || output.connection === undefined || !places.isOwn(output.connection))
      return [];
    const field = ['output', 'connection'];
    return [
      {
        severity: 'warning',
        code: 'no-effect',
        path: ['mappings', declared.name, ...field],
        at: nodeAt(declared.node, field)?.at ?? declared.keyAt,
        message: `\`${output.connection}\` is the Redis that the mapping runs on`,
        hint: 'remove it: the outputs are then appended by the settle itself',
      },
    ];
  });
}
