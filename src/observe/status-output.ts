/** Who waits for whom: a mapping's output, as `status` shows it. */
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { readBacklog } from './backlog.ts';
import type { OutputStatus } from './status-types.ts';

/** As the registry keeps it (daemon/registry.ts). */
interface StoredOutput {
  readonly type: string;
  readonly stream: string;
  readonly maxUnsettled: number;
  readonly allowCycle: boolean;
}

export async function readOutput(redis: Redis, keys: Keys, text: string | undefined): Promise<OutputStatus | null> {
  if (text === undefined || text === '') return null;
  const { type, stream, maxUnsettled, allowCycle } = JSON.parse(text) as StoredOutput;
  const backlog = await readBacklog(redis, keys, stream);
  const unsettled = backlog?.unsettled ?? 0;
  const full = !allowCycle && unsettled >= maxUnsettled;
  const waitsFor = full && backlog ? backlog.mapping : null;
  return { type, stream, unsettled, maxUnsettled: allowCycle ? null : maxUnsettled, waitsFor };
}
