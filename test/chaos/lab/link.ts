/**
 * A TCP link that breaks on demand: `openLink(port)` listens on a free port of 127.0.0.1 and carries each connection to the given one.
 * A daemon that is to have bad luck of its own gets a link of its own: put `link.port` where the server's port stands in its configuration.
 *
 * Faults, until `heal()` or, where it says so, once. `up` is from the daemon to the server, `down` is back:
 *
 *   cut('RST' | 'FIN')       once: every open connection ends, at both ends
 *   vanish()                 once: of every open connection the server's end is gone and the daemon is not told (half-open); new ones are fine
 *   tearReplies()            once: of every open connection the next reply arrives by half, then a reset
 *   hold(direction)          a black hole: bytes are taken and not delivered; after `heal()` they arrive, as what TCP sends again does
 *   delay(direction, ms)     latency; the order is kept
 *   drip(direction, bytes)   so many bytes a second, per connection
 *   refuse()                 new connections are refused, open ones go on
 *   doubleConnects()         each new connection makes a second one to the server, that says nothing
 *
 * `unnoticed()`: half-open connections that the daemon still believes in. `touched()`: connections that were really hit since the last fault began (of `refuse` nothing is seen here). Works in the process of the
 * test: what holds that up delays both directions alike, and loses nothing.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Pipe, type Weather } from './link-pipe.ts';

export type Direction = 'up' | 'down';

export interface Link {
  readonly port: number;
  /** Open now. */
  connections(): number;
  touched(): number;
  unnoticed(): number;
  /** Ends of connections that are not closed yet, whatever became of them. */
  ends(): number;
  cut(how: 'RST' | 'FIN'): void;
  vanish(): void;
  tearReplies(): void;
  hold(direction: Direction): void;
  delay(direction: Direction, ms: number): void;
  drip(direction: Direction, bytesPerSecond: number): void;
  refuse(): Promise<void>;
  doubleConnects(): void;
  heal(): Promise<void>;
  close(): Promise<void>;
}

export async function openLink(serverPort: number): Promise<Link> {
  const link = new BreakableLink(serverPort);
  await link.listen(0);
  return link;
}

interface Carried {
  readonly near: Socket;
  readonly far: Socket;
  readonly up: Pipe;
  readonly down: Pipe;
}

class BreakableLink implements Link {
  readonly #serverPort: number;
  readonly #carried = new Set<Carried>();
  /** Every socket, those of connections that are no longer carried included. */
  readonly #sockets = new Set<Socket>();
  readonly #weather: Record<Direction, Weather> = { up: fair(), down: fair() };
  readonly #touched = new Set<Carried>();
  /** Ends at the daemon of connections that vanished. */
  readonly #vanished = new Set<Socket>();
  #doubles = false;
  #server: Server | null = null;
  #port = 0;

  constructor(serverPort: number) {
    this.#serverPort = serverPort;
  }

  get port(): number {
    return this.#port;
  }

  connections(): number {
    return this.#carried.size;
  }

  touched(): number {
    return this.#touched.size;
  }

  unnoticed(): number {
    return this.#vanished.size;
  }

  ends(): number {
    return this.#sockets.size;
  }

  async listen(port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#carry(near));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  cut(how: 'RST' | 'FIN'): void {
    for (const one of this.#begin()) {
      this.#touched.add(one);
      this.#drop(one);
      for (const socket of [one.near, one.far]) {
        if (how === 'RST') reset(socket);
        else socket.destroySoon();
      }
    }
  }

  vanish(): void {
    for (const one of this.#begin()) {
      this.#touched.add(one);
      this.#drop(one);
      one.far.destroy();
      // What the daemon goes on to say is taken, and goes nowhere.
      one.near.removeAllListeners('data').resume();
      this.#vanished.add(one.near);
      one.near.once('close', () => this.#vanished.delete(one.near));
      // An end said in order is the daemon's last word.
      one.near.once('end', () => one.near.destroy());
    }
  }

  tearReplies(): void {
    for (const one of this.#begin()) {
      one.down.tearNext(() => {
        this.#touched.add(one);
        this.#drop(one);
        reset(one.near);
        one.far.destroy();
      });
    }
  }

  hold(direction: Direction): void {
    this.#begin();
    this.#weather[direction].held = true;
  }

  delay(direction: Direction, ms: number): void {
    this.#begin();
    this.#weather[direction].latencyMs = ms;
  }

  drip(direction: Direction, bytesPerSecond: number): void {
    this.#begin();
    this.#weather[direction].bytesPerSecond = bytesPerSecond;
  }

  async refuse(): Promise<void> {
    this.#begin();
    // Resolves only when the open connections have ended: what counts is that it no longer listens, which is so at once.
    this.#server?.close();
    this.#server = null;
    await Promise.resolve();
  }

  doubleConnects(): void {
    this.#begin();
    this.#doubles = true;
  }

  async heal(): Promise<void> {
    this.#doubles = false;
    for (const weather of Object.values(this.#weather)) Object.assign(weather, fair());
    for (const { up, down } of this.#carried) {
      up.pump();
      down.pump();
    }
    if (!this.#server) await this.listen(this.#port);
  }

  async close(): Promise<void> {
    for (const one of this.#carried) this.#drop(one);
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    this.#server = null;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** What is open when a fault begins; nothing was touched by it yet. */
  #begin(): Carried[] {
    this.#touched.clear();
    return [...this.#carried];
  }

  #carry(near: Socket): void {
    const far = this.#dial();
    if (this.#doubles) this.#dial();
    this.#own(near);
    const touch = (): void => void this.#touched.add(one);
    const up = new Pipe(near, far, this.#weather.up, touch);
    const down = new Pipe(far, near, this.#weather.down, touch);
    const one: Carried = { near, far, up, down };
    this.#carried.add(one);
    if (this.#doubles) touch();
    // An end that is reset takes the other with it; one that has closed in order has been told to the other by its pipe.
    near.on('error', () => reset(far));
    far.on('error', () => reset(near));
    for (const socket of [near, far]) socket.on('close', () => this.#ended(one));
  }

  #ended(one: Carried): void {
    if (one.near.closed && one.far.closed) this.#drop(one);
  }

  #dial(): Socket {
    const socket = connect({ port: this.#serverPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#own(socket);
    return socket;
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // What it means is for the connection that it belongs to; a second one beside it means nothing.
    socket.on('error', () => undefined);
  }

  #drop(one: Carried): void {
    this.#carried.delete(one);
    for (const pipe of [one.up, one.down]) pipe.stop();
    for (const socket of [one.near, one.far]) {
      socket.removeAllListeners('error').on('error', () => undefined);
    }
  }
}

/**
 * One whose last word is on its way is closed instead: Node (26.10) resets none of these, leaves it open for ever, and spins when the process
 * is to end.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function fair(): Weather {
  return { held: false, latencyMs: 0, bytesPerSecond: Infinity };
}
