/** What `millrace status --json` says of the only shard of a world. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ShardStatus } from '../../src/observe/status-types.ts';
import { MILLRACE } from './daemon.ts';
import type { World } from './engine.ts';

export type { ShardStatus } from '../../src/observe/status-types.ts';

export async function readStatus(w: World): Promise<ShardStatus> {
  const { stdout } = await promisify(execFile)(MILLRACE, ['status', '--json', '-c', w.config]);
  const all = JSON.parse(stdout) as { readonly mappings: readonly { readonly shards: readonly ShardStatus[] }[] };
  return all.mappings[0]!.shards[0]!;
}
