/**
 * One connection of the lean reader: requests go out when the event loop has made its turn, replies come back in order (a FIFO of what is pending). After a cut
 * everything in flight is rejected, because the caller repeats a read; nothing is ever sent twice from here.
 */
import net from 'node:net';
import tls from 'node:tls';
import { messageOf, MillraceError } from '../errors.ts';
import {
  HEARTBEAT_MS,
  READ_TIMEOUT_MS,
  REDIS_LOOK_MS,
  REDIS_RECONNECT_FIRST_MS,
  REDIS_RECONNECT_MAX_MS,
  REDIS_SILENCE_MS,
} from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { Address } from './address.ts';
import type { HostPort } from './sentinel-url.ts';
import { type Reply, ReplyError, ReplyScanner, ReplyTooLarge } from './reader-reply.ts';

interface Pending {
  readonly request: string;
  readonly topItems: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class ReaderConnection {
  readonly #address: Address;
  readonly #log: Log;
  readonly #tls: tls.ConnectionOptions;
  readonly #timeoutMs: number;
  #socket: net.Socket | undefined;
  #scanner = new ReplyScanner();
  /** True once AUTH and SELECT are through: until then requests wait unsent. */
  #open = false;
  #closed = false;
  #backOffMs = REDIS_RECONNECT_FIRST_MS;
  #retry: NodeJS.Timeout | undefined;
  /** Sent, in the order of their replies. */
  #inFlight: Pending[] = [];
  #waiting: Pending[] = [];
  #unsent = '';
  #lastFailure = 'not connected yet';
  /** When something last came, or was asked for after everything had come. */
  #heardAt = 0;
  #lookedAt = performance.now();
  readonly #looking: NodeJS.Timeout;

  constructor(address: Address, options: { log: Log; tls?: tls.ConnectionOptions; timeoutMs?: number }) {
    this.#address = address;
    this.#log = options.log;
    this.#tls = options.tls ?? {};
    this.#timeoutMs = options.timeoutMs ?? READ_TIMEOUT_MS;
    this.#looking = setInterval(() => this.#look(), REDIS_LOOK_MS);
    address.onMoved?.(() => this.#fail('the server may be another one now'));
    this.#connect();
  }

  /** Rejects with `redis-unreachable` on a cut, a timeout or after close, ReplyTooLarge beyond the bounds; server errors are part of the reply. */
  send(request: string, topItems: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(unreachable('the reader is closed'));
      const pending: Pending = { request, topItems, resolve, reject, timer: this.#deadline(() => pending) };
      if (this.#open) this.#write(pending);
      else this.#waiting.push(pending);
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#looking);
    const socket = this.#socket;
    this.#fail('the reader was closed');
    rejectAll(this.#waiting.splice(0), 'the reader was closed');
    if (!socket || socket.closed) return Promise.resolve();
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }

  #deadline(of: () => Pending): NodeJS.Timeout {
    return setTimeout(() => {
      const pending = of();
      const at = this.#waiting.indexOf(pending);
      if (at < 0) return this.#fail(`no reply within ${this.#timeoutMs} ms`);
      this.#waiting.splice(at, 1);
      pending.reject(unreachable(`no connection within ${this.#timeoutMs} ms: ${this.#lastFailure}`));
    }, this.#timeoutMs);
  }

  /** The other end may be gone without a word; one that nothing is asked on would never notice, so it is asked now and then. */
  #look(): void {
    const now = performance.now();
    // A process that stood still has not read what came meanwhile.
    const late = now - this.#lookedAt > 2 * REDIS_LOOK_MS;
    this.#lookedAt = now;
    if (late) this.#heardAt = now;
    const silentMs = now - this.#heardAt;
    if (this.#inFlight.length > 0) {
      if (silentMs >= REDIS_SILENCE_MS) this.#fail(`nothing came for ${REDIS_SILENCE_MS} ms`);
    } else if (this.#open && silentMs >= HEARTBEAT_MS) {
      // Whatever the answer is, it is one; without one the connection has ended.
      this.send(PING, 1).catch(() => undefined);
    }
  }

  /** A place that is told anew each time is asked for first; who tells it ends within its bound. */
  #connect(): void {
    const { find } = this.#address;
    if (!find) return this.#connectTo(this.#address);
    find().then(
      (place) => this.#closed || this.#connectTo(place),
      (error: unknown) => this.#closed || this.#again(messageOf(error)),
    );
  }

  #connectTo({ host, port }: HostPort): void {
    const { path } = this.#address;
    const where = path === undefined ? { host, port } : { path };
    const secure = this.#address.tls;
    const name = net.isIP(host) === 0 ? { servername: host } : {};
    const socket = secure ? tls.connect({ ...name, ...this.#tls, ...where }) : net.connect(where);
    this.#socket = socket;
    this.#scanner = new ReplyScanner();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, this.#timeoutMs);
    // A server that takes the connection and then says nothing, or a route that swallows it, has the same end as a lost reply.
    const timer = setTimeout(() => this.#fail(`no connection within ${this.#timeoutMs} ms`, socket), this.#timeoutMs);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      this.#greet(socket);
    });
    socket.on('data', (chunk: Buffer) => this.#receive(socket, chunk));
    socket.on('error', (error) => this.#fail(error.message, socket));
    socket.on('close', () => {
      clearTimeout(timer);
      this.#fail('the server closed the connection', socket);
    });
  }

  #greet(socket: net.Socket): void {
    const { username, password, db } = this.#address;
    const steps: string[][] = [];
    if (password !== undefined) steps.push(['AUTH', ...(username === undefined ? [] : [username]), password]);
    if (db !== 0) steps.push(['SELECT', String(db)]);
    const replies = steps.map((step) => this.#greeting(encodeCommand(step)));
    Promise.all(replies).then(
      () => {
        if (this.#socket !== socket) return;
        this.#open = true;
        this.#backOffMs = REDIS_RECONNECT_FIRST_MS;
        for (const pending of this.#waiting.splice(0)) this.#write(pending);
      },
      // A refused password does not get better by asking at once: the back-off goes on growing.
      (error: Error) => this.#fail(error.message, socket),
    );
  }

  async #greeting(request: string): Promise<void> {
    const { buffer, items } = await new Promise<Reply>((resolve, reject) => {
      const pending: Pending = { request, topItems: 1, resolve, reject, timer: this.#deadline(() => pending) };
      this.#write(pending);
    });
    if (items[1]! <= -2) throw new Error(buffer.toString('utf8', items[0], items[0]! - 2 - items[1]!));
  }

  /** What is asked for in one turn of the event loop leaves in one write: each costs system calls and a wake here and in the server. */
  #write(pending: Pending): void {
    if (this.#inFlight.push(pending) === 1) {
      this.#scanner.begin(pending.topItems);
      this.#heardAt = performance.now();
    }
    if (this.#unsent === '') setImmediate(() => this.#flush());
    this.#unsent += pending.request;
  }

  #flush(): void {
    const text = this.#unsent;
    this.#unsent = '';
    if (text !== '') this.#socket?.write(text);
  }

  #receive(socket: net.Socket, chunk: Buffer): void {
    if (socket !== this.#socket) return;
    this.#heardAt = performance.now();
    try {
      this.#scanner.push(chunk);
      for (let head = this.#inFlight[0]; head; head = this.#inFlight[0]) {
        const reply = this.#scanner.next();
        if (!reply) return;
        this.#inFlight.shift();
        clearTimeout(head.timer);
        head.resolve(reply);
        const following = this.#inFlight[0];
        if (following) this.#scanner.begin(following.topItems);
      }
      if (this.#scanner.unread > 0) this.#fail('bytes that nobody asked for', socket);
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
      // Whoever asked for it may ask for less.
      const asker = error instanceof ReplyTooLarge ? this.#inFlight.shift() : undefined;
      if (asker) {
        clearTimeout(asker.timer);
        asker.reject(error);
      }
      this.#fail(error.message, socket);
    }
  }

  /** Ends this connection; a later one is begun after the back-off. Does nothing when `socket` is an earlier connection. */
  #fail(why: string, socket = this.#socket): void {
    if (!socket || socket !== this.#socket) return;
    this.#socket = undefined;
    this.#open = false;
    this.#unsent = '';
    socket.destroy();
    rejectAll(this.#inFlight.splice(0), why);
    if (!this.#closed) this.#again(why);
  }

  #again(why: string): void {
    this.#lastFailure = why;
    const waitMs = this.#backOffMs * (0.75 + Math.random() / 4);
    this.#backOffMs = Math.min(this.#backOffMs * 2, REDIS_RECONNECT_MAX_MS);
    this.#log.debug({ why, waitMs: Math.round(waitMs) }, 'reader connection lost');
    this.#retry = setTimeout(() => this.#connect(), waitMs);
  }
}

const PING = encodeCommand(['PING']);

export function encodeCommand(parts: readonly string[]): string {
  let text = `*${parts.length}\r\n`;
  for (const part of parts) text += `$${Buffer.byteLength(part)}\r\n${part}\r\n`;
  return text;
}

function unreachable(why: string): MillraceError {
  return new MillraceError('redis-unreachable', `a read from Redis was cut: ${why}`);
}

function rejectAll(pending: readonly Pending[], why: string): void {
  for (const one of pending) {
    clearTimeout(one.timer);
    one.reject(unreachable(why));
  }
}
