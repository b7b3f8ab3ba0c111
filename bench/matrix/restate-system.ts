/** Restate, which is its own source: one durable call per record to the shard's virtual object, without a network to the outside. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '../support/daemon.ts';
import { kindArgs } from '../support/kinds.ts';
import { RESTATE, restatePackages } from '../support/peer-setup.ts';
import { descendants } from '../support/processes.ts';
import { measureStretch, progressOf } from '../support/stretch.ts';
import { SHARDS } from './redis-place.ts';
import { stretchOf } from './redis-systems.ts';
import type { System, Terms } from './types.ts';

const PEER = fileURLToPath(new URL('../peers/restate-object.ts', import.meta.url));

export function restateSystem({ work, seconds }: Terms): System {
  return {
    ...{ id: 'restate', name: 'Restate, virtual objects', version: RESTATE, source: 'its own' },
    givesUp:
      'the stream as the source (a caller hands on each record), batches, the sandbox; in order through failures',
    cells: [{ kind: 'parse', batch: 1, data: '200-byte JSON' }],
    async run({ kind }) {
      const packages = await restatePackages();
      const data = await mkdtemp(path.join(tmpdir(), 'millrace-bench-restate-'));
      const args = [packages, data, SHARDS, ...kindArgs(kind, work)].map(String);
      // The server would look for the outside when it starts.
      const alone = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, PEER, ...args];
      const peer = start('unshare', alone);
      const pids = () => ({ caller: [peer.pid], server: descendants(peer.pid) });
      try {
        return await stretchOf(peer, 'SIGTERM', () => measureStretch(progressOf(peer), pids, seconds));
      } finally {
        await rm(data, { recursive: true, force: true });
      }
    },
  };
}
