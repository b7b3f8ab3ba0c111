/** A server that says what it is told to, byte by byte: HTTP as no library would write it. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface RawServer {
  readonly port: number;
  /** Connections so far. */
  connections(): number;
  /** What arrived, of all connections, as text. */
  received(): string;
  close(): Promise<void>;
}

/** `answer` is called at the first byte of a connection and at every further request that begins on it (`nth` from 1, per connection). */
export async function rawServer(
  answer: (socket: Socket, nth: number) => void,
  address = '127.0.0.1',
  at = 0,
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let received = '';
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    let requests = 0;
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      received += text;
      if (/^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(text)) answer(socket, ++requests);
    });
  }).listen(at, address);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    received: () => received,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Writes without end, as fast as it is read. */
export function endlessly(socket: Socket, piece: string | Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}
