/** How far the readers of a stream of another Redis are behind: the mappings of the same namespace that run on that server. */
import { readBacklog } from '../../src/observe/backlog.ts';
import type { BacklogAt } from '../../src/output.ts';
import { disconnect, type Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { connectElsewhere, explainElsewhere, isBroken } from './elsewhere.ts';

export function createBacklogElsewhere({ url, keys, stream }: BacklogElsewhereOptions): BacklogAt {
  let opened: Promise<Redis> | null = null;
  const leave = async () => {
    const gone = opened;
    opened = null;
    // One that could not be opened has nothing to end, and its reason was told to who opened it.
    await gone?.then(disconnect, () => undefined);
  };
  return {
    async read() {
      try {
        return await readBacklog(await (opened ??= connectElsewhere(url, 'readers')), keys, stream);
      } catch (error) {
        const redis = await opened?.catch(() => null);
        if (!redis || isBroken(redis, error)) await leave();
        throw new Error(explainElsewhere(error, url), { cause: error });
      }
    },
    close: leave,
  };
}

export interface BacklogElsewhereOptions {
  readonly url: string;
  readonly keys: Keys;
  readonly stream: string;
}
