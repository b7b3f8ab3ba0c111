/** Wrong builds that show only where a shard has lanes (lanes.test.ts). */
import type { WrongBuild } from './builds.ts';

const HIGHEST_SETTLED: WrongBuild = {
  name: 'the checkpoint is the highest settled position of all lanes',
  breaks: ['I1', 'I5'],
  edits: [
    {
      file: 'src/lanes.ts',
      from: `compareIds(lane.checkpoint, low.checkpoint) < 0 ? lane : low`,
      to: `compareIds(lane.checkpoint, low.checkpoint) > 0 ? lane : low`,
    },
  ],
};

const SETTLED_FORGOTTEN: WrongBuild = {
  name: 'what lanes settled above the checkpoint is forgotten between turns',
  breaks: ['I4'],
  edits: [
    {
      file: 'src/turn/lane-book.ts',
      from: `    const { lanes } = state.lanes ??`,
      to: `    const { lanes } = null ??`,
    },
  ],
};

const ANY_LANE: WrongBuild = {
  name: 'records of a key go to any lane',
  breaks: ['I2'],
  edits: [
    {
      file: 'src/turn/lane-filter.ts',
      from: `laneOf(format.partitionKey(raw, i), factor)`,
      to: `laneOf(raw.ids[i]!, factor)`,
    },
  ],
};

export const LANE_WRONG_BUILDS: readonly WrongBuild[] = [HIGHEST_SETTLED, SETTLED_FORGOTTEN, ANY_LANE];
