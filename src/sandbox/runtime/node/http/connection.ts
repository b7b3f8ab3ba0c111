/** What a message has for a socket: the gateway keeps the real one. Settings are accepted, reading and writing is not. */
import { EventEmitter } from '../events.ts';
import { refusal } from '../unsupported.ts';

export class Connection extends EventEmitter {
  readonly encrypted: boolean;
  readonly authorized: boolean;
  readonly connecting = false;
  readonly pending = false;
  readonly readyState = 'open';
  readonly remotePort: number;
  destroyed = false;
  writable = true;
  readable = true;
  timeout = 0;
  readonly #destroyMessage: (error?: Error) => void;

  constructor(port: string, encrypted: boolean, destroyMessage: (error?: Error) => void) {
    super();
    this.remotePort = Number(port);
    this.encrypted = this.authorized = encrypted;
    this.#destroyMessage = destroyMessage;
  }
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  /** The message has the timer. */
  setTimeout(ms: number): this {
    this.timeout = ms;
    return this;
  }
  address(): object {
    return {};
  }
  cork(): void {}
  uncork(): void {}
  write(): never {
    throw refusal('net', 'socket.write()');
  }
  end(): never {
    throw refusal('net', 'socket.end()');
  }
  destroy(error?: Error): this {
    if (!this.destroyed) this.#destroyMessage(error);
    return this;
  }
  /** From the message, when it is done. */
  release(): void {
    this.destroyed = true;
    this.writable = this.readable = false;
    this.emit('close', false);
  }
}
