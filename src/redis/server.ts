/** A private Redis server: its own directory, port and append-only file. Used by `millrace dev` and by the tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import net from 'node:net';

export interface RedisServerOptions {
  readonly dir: string;
  /** Full path or name on the PATH; redis-server or valkey-server. */
  readonly binary?: string;
  readonly port?: number;
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  /** Further arguments, e.g. ['--maxmemory', '10mb']. */
  readonly args?: readonly string[];
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** SIGTERM, then waits for the exit. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Waits for the exit, e.g. after kill('SIGKILL'). */
  exited: Promise<void>;
}

const START_DEADLINE_MS = 15_000;

export async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function startRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  await mkdir(options.dir, { recursive: true });
  const port = options.port ?? (await freePort());
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', options.dir, '--save', '', '--appendonly', 'yes'],
    ...['--appendfsync', options.appendfsync ?? 'everysec', '--maxmemory-policy', 'noeviction', '--daemonize', 'no'],
    ...(options.args ?? []),
  ];
  // In a session of its own: a Ctrl-C on the terminal must not stop the server before those that still settle in it.
  const child = spawn(options.binary ?? 'redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.pid !== undefined) guard(child.pid, exited);
  await ready(child);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid!,
    exited,
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Stops the server when this process ends in whatever way: the guard waits for the end of a pipe that only we hold open. */
function guard(pid: number, exited: Promise<void>): void {
  const script = 'trap "" INT TERM HUP; read -r _; kill -TERM "$1" 2>/dev/null';
  const child = spawn('/bin/sh', ['-c', script, 'redis-guard', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.once('error', () => child.stdin.destroy());
  child.unref();
  if (child.stdin instanceof net.Socket) child.stdin.unref();
  void exited.then(() => child.kill('SIGKILL'));
}

/** Resolves when the server says that it accepts connections; rejects with its output when it ends or is silent for too long. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`redis-server ${why}: ${output.slice(-1_000)}`));
    };
    const timer = setTimeout(() => fail('did not become ready'), START_DEADLINE_MS);
    const onData = (data: Buffer) => {
      output = (output + data.toString()).slice(-4_000);
      if (/Ready to accept connections/i.test(output)) {
        clearTimeout(timer);
        resolve();
      }
    };
    child.stdout!.on('data', onData);
    child.stderr!.on('data', onData);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code}`));
  });
}
