/** Each fault of a link does what it says, to connections of an echo server. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/daemon.ts';
import { pause } from './lab/lab.ts';
import { type Direction, type Link, openLink } from './lab/link.ts';

let server: Server;
let link: Link;
const atServer: Socket[] = [];
const clients: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    atServer.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => socket.write(chunk));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  link = await openLink((server.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const socket of [...clients.splice(0), ...atServer.splice(0)]) socket.destroy();
  await link.close();
  await new Promise((resolve) => server.close(resolve));
});

interface Client {
  readonly socket: Socket;
  /** What came back. */
  text: string;
  /** How it ended: an error's code, `end` without one; null: not yet. */
  ended: string | null;
}

async function client(): Promise<Client> {
  const socket = connect(link.port, '127.0.0.1');
  clients.push(socket);
  const one: Client = { socket, text: '', ended: null };
  socket.on('data', (chunk: Buffer) => (one.text += chunk.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (one.ended = error.code ?? error.message));
  socket.on('close', () => (one.ended ??= 'end'));
  await once(socket, 'connect');
  return one;
}

/** One that has had an answer. */
async function talking(): Promise<Client> {
  const one = await client();
  one.socket.write('hello');
  await came(one, 'hello');
  one.text = '';
  return one;
}

const came = (one: Client, text: string) =>
  eventually(
    () => one.text,
    (all) => all === text,
    { what: text.slice(0, 20), withinMs: 5_000, everyMs: 5 },
  );
const endOf = (one: Client) =>
  eventually(
    () => one.ended,
    (how) => how !== null,
    { what: 'the end', withinMs: 5_000, everyMs: 5 },
  );

test('bytes arrive both ways in their order, and an end is passed on', async () => {
  const one = await client();
  const text = Array.from({ length: 200_000 }, (_, n) => n).join(',');
  one.socket.end(text);
  expect(await endOf(one)).toBe('end');
  expect(one.text).toBe(text);
  await eventually(
    () => link.connections(),
    (n) => n === 0,
    { what: 'carried to the end' },
  );
});

test.for([
  ['RST', 'ECONNRESET'],
  ['FIN', 'end'],
] as const)('cut by %s: %s', async ([how, seen]) => {
  const all = [await talking(), await talking()];
  link.cut(how);
  expect(await Promise.all(all.map(endOf))).toEqual([seen, seen]);
  expect(link.touched()).toBe(2);
  await eventually(() => atServer.every(({ destroyed }) => destroyed), Boolean, { what: 'the server hears it' });
  await talking();
});

test('vanished: the server is gone, the client hears nothing, new connections are fine', async () => {
  const one = await talking();
  link.vanish();
  await eventually(() => atServer[0]!.destroyed, Boolean, { what: 'the server hears it' });
  one.socket.write('is there anybody');
  await pause(200);
  expect([one.text, one.ended, link.touched()]).toEqual(['', null, 1]);
  await talking();
});

test('a torn reply: the first half, then a reset', async () => {
  const one = await talking();
  link.tearReplies();
  one.socket.write('0123456789');
  expect(await endOf(one)).toBe('ECONNRESET');
  expect(one.text).toBe('01234');
  expect(link.touched()).toBe(1);
  await talking();
});

test.for<Direction>(['up', 'down'])(
  'held %s: nothing is delivered until it heals, then all of it',
  async (direction) => {
    const one = await talking();
    let heard = '';
    atServer[0]!.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    link.hold(direction);
    one.socket.write('0123456789');
    await pause(200);
    expect([heard, one.text, one.ended]).toEqual([direction === 'up' ? '' : '0123456789', '', null]);
    expect(link.touched()).toBe(1);
    await link.heal();
    await came(one, '0123456789');
  },
);

test.for<Direction>(['up', 'down'])('delay %s: as late as it says, in order', async (direction) => {
  const one = await talking();
  link.delay(direction, 300);
  const from = performance.now();
  for (const piece of ['01', '23', '45']) {
    one.socket.write(piece);
    await pause(50);
  }
  await came(one, '012345');
  // The last piece was sent 100 ms after the first.
  expect(performance.now() - from).toBeGreaterThanOrEqual(400);
  expect(link.touched()).toBe(1);
});

test.for<Direction>(['up', 'down'])('drip %s: no more bytes a second than it says', async (direction) => {
  const one = await talking();
  link.drip(direction, 1_000);
  const from = performance.now();
  one.socket.write('x'.repeat(500));
  await came(one, 'x'.repeat(500));
  // The last portion arrives before its time is over.
  expect(performance.now() - from).toBeGreaterThanOrEqual(450);
  expect(link.touched()).toBe(1);
});

test('refused: no new connection, the open one goes on', async () => {
  const one = await talking();
  await link.refuse();
  await expect(client()).rejects.toThrow('ECONNREFUSED');
  one.socket.write('still here');
  await came(one, 'still here');
  await link.heal();
  await talking();
});

test('doubled: the server sees two connections for one', async () => {
  link.doubleConnects();
  await talking();
  await eventually(
    () => atServer.length,
    (n) => n === 2,
    { what: 'two' },
  );
  expect(link.touched()).toBe(1);
  await link.heal();
  await talking();
  expect(atServer).toHaveLength(3);
});

test('a connection that is cut in the moment in which its end is passed on leaves nothing open', async () => {
  const one = await talking();
  link.hold('down');
  atServer[0]!.end();
  await pause(50);
  const healed = link.heal();
  link.cut('RST');
  await healed;
  await endOf(one);
  await eventually(
    () => link.ends(),
    (n) => n === 0,
    { what: 'every end is closed', withinMs: 2_000 },
  );
});
