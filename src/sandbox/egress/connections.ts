/**
 * Connections, kept open between requests of the same function version to the same origin. One request at a time on each: a request
 * is dispatched to a connection that is already there, so that nothing but its bytes lies between the lease check and the write.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client } from 'undici';
import { EGRESS_CONNECT_MS, EGRESS_HEAD_BYTES_MAX, EGRESS_IDLE_CONNECTIONS_MAX, EGRESS_IDLE_MS } from '../../limits.ts';
import { cancelled, EgressFailure } from './failure.ts';
import type { Target } from './target.ts';

interface Line {
  readonly socket: Socket;
  /** What is done when bytes come, for the request that is under way on it; null before the first. */
  arrived: (() => void) | null;
}

export class Connections {
  readonly #idle = new Map<string, Client[]>();
  readonly #lines = new WeakMap<Client, Line>();
  readonly #ca: string | undefined;
  #count = 0;

  constructor(ca: string | undefined) {
    this.#ca = ca;
  }

  takeIdle(key: string): Client | null {
    const list = this.#idle.get(key);
    for (let client = list?.pop(); client !== undefined; client = list?.pop()) {
      this.#count--;
      if (client.destroyed || client.closed) continue;
      this.#lines.get(client)?.socket.ref();
      return client;
    }
    this.#idle.delete(key);
    return null;
  }

  async open(key: string, target: Target, addresses: readonly string[], signal: AbortSignal): Promise<Client> {
    const socket = await openSocket(target, addresses, signal, this.#ca);
    let given = false;
    const client = new Client(target.url.origin, {
      pipelining: 1,
      maxHeaderSize: EGRESS_HEAD_BYTES_MAX,
      keepAliveTimeout: EGRESS_IDLE_MS,
      keepAliveMaxTimeout: EGRESS_IDLE_MS,
      // The signal ends every wait: the invocation's clock is the only one.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options, done) => {
        const usable = !given && !socket.destroyed;
        given = true;
        // Never from within the call: the client would not see that it may go on.
        queueMicrotask(() => (usable ? done(null, socket) : done(new Error('the connection was closed'), null)));
      },
    });
    client.on('disconnect', () => this.#forget(key, client));
    // A connection that ends is not opened again behind the check of its address.
    socket.once('close', () => void client.destroy().catch(() => undefined));
    this.#lines.set(client, { socket, arrived: null });
    return client;
  }

  /** `look` is told, whenever something arrives, how many bytes have since this call, framing included; until the answer of this is called. */
  onArrival(client: Client, look: (bytes: number) => void): () => void {
    const line = this.#lines.get(client)!;
    const { socket } = line;
    // Asked for once in a connection's life: taking a listener of a stream away and adding it again costs two turns of its own.
    if (line.arrived === null) socket.on('readable', () => line.arrived!());
    const before = socket.bytesRead;
    line.arrived = () => look(socket.bytesRead - before);
    return () => void (line.arrived = () => undefined);
  }

  giveBack(key: string, client: Client): void {
    if (client.destroyed || client.closed) return;
    if (this.#count >= EGRESS_IDLE_CONNECTIONS_MAX) return this.drop(client);
    const list = this.#idle.get(key) ?? [];
    list.push(client);
    // What nobody uses keeps no process alive.
    this.#lines.get(client)?.socket.unref();
    this.#idle.set(key, list);
    this.#count++;
  }

  drop(client: Client): void {
    client.destroy().catch(() => undefined); // it is gone either way
    // A client that was given no request has never seen its socket, and leaves it open.
    this.#lines.get(client)?.socket.destroy();
  }

  close(): void {
    for (const list of this.#idle.values()) for (const client of list) this.drop(client);
    this.#idle.clear();
    this.#count = 0;
  }

  #forget(key: string, client: Client): void {
    const list = this.#idle.get(key);
    const at = list?.indexOf(client) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    this.#count--;
    if (list.length === 0) this.#idle.delete(key);
  }
}

/** The first address that answers; all of them were checked. */
async function openSocket(
  target: Target,
  addresses: readonly string[],
  signal: AbortSignal,
  ca: string | undefined,
): Promise<Socket> {
  let last: unknown;
  for (const address of addresses.slice(0, 4)) {
    try {
      const socket = await within(connectTcp({ host: address, port: target.port, noDelay: true }), 'connect', signal);
      if (!target.tls) return socket;
      const servername = isIP(target.host) === 0 ? target.host : '';
      return await within(
        connectTls({
          socket,
          host: target.host,
          servername,
          ALPNProtocols: ['http/1.1'],
          ...(ca === undefined ? {} : { ca }),
        }),
        'secureConnect',
        signal,
      );
    } catch (error) {
      if (signal.aborted) throw error;
      last = error;
    }
  }
  const why = last instanceof Error ? ((last as NodeJS.ErrnoException).code ?? last.message) : String(last);
  throw new EgressFailure('ERR_EGRESS_NETWORK', `${target.host}:${target.port} cannot be connected to (${why})`);
}

function within<S extends Socket>(socket: S, event: string, signal: AbortSignal): Promise<S> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      socket.off('error', fail);
      act();
    };
    const fail = (error: Error) => {
      settle(() => reject(error));
      socket.destroy();
    };
    const aborted = () => fail(cancelled(signal));
    const timer = setTimeout(() => fail(new Error('no answer in time')), EGRESS_CONNECT_MS);
    socket.once(event, () => settle(() => resolve(socket)));
    socket.once('error', fail);
    // Node ends a process over an error that nobody hears: while it is torn down, and until the client has it, which is with its first request.
    socket.on('error', () => undefined);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  });
}
