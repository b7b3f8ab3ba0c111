/** Wrong builds that show where shards in trouble have more slots than there are (troubled.test.ts). */
import type { WrongBuild } from './builds.ts';

const KEEPS_SLOT: WrongBuild = {
  name: 'a shard that waits for its next attempt keeps its slot',
  breaks: ['I9'],
  edits: [
    {
      file: 'src/turn/turn.ts',
      from: `    if (!written || waits) return this.end();`,
      to: `    if (!written) return this.end();
    if (waits) {
      await this.#deps.clock.sleep(decision.notBefore! - this.#nowMs());
      return null;
    }`,
    },
  ],
};

export const SLOT_WRONG_BUILDS: readonly WrongBuild[] = [KEEPS_SLOT];
