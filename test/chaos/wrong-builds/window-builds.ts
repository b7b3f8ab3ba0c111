/** Wrong builds that show only in the sums of windows (windows.test.ts). */
import type { WrongBuild } from './builds.ts';

const STATE_APART: WrongBuild = {
  name: 'the state of a window is written apart from the checkpoint',
  breaks: ['sum'],
  edits: [
    {
      file: 'src/turn/turn.ts',
      from: `    let decision = decide(false);`,
      to: `    let decision = decide(false);
    if (decision.window && decision.window !== 'closed') {
      const { mapping, shardId } = this.#taken.holding.shard;
      await this.#deps.redis.hset(this.#deps.keys.shard(mapping, shardId), 'winState', decision.window.state);
      await this.#deps.clock.sleep(30);
    }`,
    },
  ],
};

export const WINDOW_WRONG_BUILDS: readonly WrongBuild[] = [STATE_APART];
