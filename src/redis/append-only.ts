/**
 * Mends the append-only file of a Redis that was killed, as `redis-check-aof --fix` does, before a server is started on it. Redis 7.0 itself
 * cuts behind the last whole command: a MULTI without its EXEC stays, and would be carried out with the next transaction.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { APPEND_ONLY_CHECK_MS } from '../limits.ts';

const NAMES = ['redis-check-aof', 'valkey-check-aof'];

/** `binary`: the server that will be started on `dir`. Says what it cut, and what it could not do. */
export async function mendAppendOnly(dir: string, binary: string, say: (text: string) => void): Promise<void> {
  const manifest = await manifestIn(path.join(dir, 'appendonlydir'));
  if (manifest === undefined) return;
  const tool = await toolBeside(binary);
  if (tool === undefined) {
    say(`There is no ${NAMES[0]} beside ${binary}: if Redis was killed here, look at docs/operations.md.`);
    return;
  }
  const { code, output } = await check(tool, manifest);
  if (code !== 0) throw new Error(`${path.basename(tool.file)} cannot mend ${manifest}: ${output.slice(-600)}`);
  if (/successfully truncated/i.test(output)) {
    say('Redis was killed in the middle of a write: what it had half written is cut off its append-only file.');
  }
}

async function manifestIn(dir: string): Promise<string | undefined> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []; // a first start
    throw error;
  });
  const name = names.find((candidate) => candidate.endsWith('.manifest'));
  return name === undefined ? undefined : path.join(dir, name);
}

interface Tool {
  readonly file: string;
  readonly libraries?: string;
}

/** Beside the server, or where unpack.ts leaves it, which brings its libraries along. */
async function toolBeside(binary: string): Promise<Tool | undefined> {
  const here = path.dirname(await realpath(binary));
  for (const name of NAMES) {
    const file = path.join(here, name);
    if (await exists(file)) return { file };
    const root = path.join(here, '..', 'root', 'usr');
    const unpacked = path.join(root, 'bin', name);
    if (!(await exists(unpacked))) continue;
    const lib = path.join(root, 'lib');
    const multiarch = (await readdir(lib)).filter((entry) => entry.endsWith('-linux-gnu'));
    return { file: unpacked, libraries: ['', ...multiarch].map((entry) => path.join(lib, entry)).join(':') };
  }
  return undefined;
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

async function check({ file, libraries }: Tool, manifest: string): Promise<{ code: number | null; output: string }> {
  const env = libraries === undefined ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries };
  const child = spawn(file, ['--fix', manifest], { env, timeout: APPEND_ONLY_CHECK_MS });
  let output = '';
  const take = (data: Buffer) => void (output = (output + data.toString()).slice(-4_000));
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  // It has ended without asking when there was nothing to mend.
  child.stdin.on('error', (error) => (output += error.message));
  child.stdin.end('y\n');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
