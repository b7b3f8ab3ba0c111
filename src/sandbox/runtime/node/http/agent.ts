/** Agents are accepted, because every client makes one. Connections are the gateway's, so that nothing of it matters here. */
import { EventEmitter } from '../events.ts';

interface AgentOptions {
  keepAlive?: boolean;
  keepAliveMsecs?: number;
  maxSockets?: number;
  maxFreeSockets?: number;
  maxTotalSockets?: number;
  scheduling?: string;
  [other: string]: unknown;
}

export class Agent extends EventEmitter {
  defaultPort = 80;
  protocol = 'http:';
  readonly options: AgentOptions;
  readonly requests: object = Object.create(null) as object;
  readonly sockets: object = Object.create(null) as object;
  readonly freeSockets: object = Object.create(null) as object;
  keepAlive: boolean;
  keepAliveMsecs: number;
  maxSockets: number;
  maxFreeSockets: number;
  maxTotalSockets: number;
  scheduling: string;
  totalSocketCount = 0;

  constructor(options: AgentOptions = {}) {
    super();
    this.options = { noDelay: true, path: null, ...options };
    this.keepAlive = options.keepAlive ?? false;
    this.keepAliveMsecs = options.keepAliveMsecs ?? 1000;
    this.maxSockets = options.maxSockets ?? Infinity;
    this.maxFreeSockets = options.maxFreeSockets ?? 256;
    this.maxTotalSockets = options.maxTotalSockets ?? Infinity;
    this.scheduling = options.scheduling ?? 'lifo';
  }
  getName(options: { host?: string; port?: number; localAddress?: string } = {}): string {
    return `${options.host ?? 'localhost'}:${options.port ?? ''}:${options.localAddress ?? ''}`;
  }
  destroy(): void {}
}

export class SecureAgent extends Agent {
  override defaultPort = 443;
  override protocol = 'https:';
  readonly maxCachedSessions: number;
  constructor(options: AgentOptions & { maxCachedSessions?: number } = {}) {
    super({ ...options });
    this.maxCachedSessions = options.maxCachedSessions ?? 100;
  }
}
Object.defineProperty(SecureAgent, 'name', { value: 'Agent', configurable: true });
