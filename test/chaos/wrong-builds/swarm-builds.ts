/** Wrong builds that show where daemons are killed again and again, and at the group of a topic (`npm run chaos -- --wrong-build NAME`). */
import type { SourceKind } from '../swarm/fault.ts';
import type { WrongBuild } from './builds.ts';

export interface SwarmBuild extends WrongBuild {
  readonly source: SourceKind;
  /** Done in its runs, and no others. */
  readonly faults: readonly string[];
  /** What a violation says; another one of the same invariant may be the machine's. */
  readonly says: RegExp;
}

const NOT_TAKEN_OVER: SwarmBuild = {
  name: 'the turn of a dead daemon is not taken over',
  breaks: ['I8'],
  source: 'redis-stream',
  faults: ['executor-killed'],
  says: /moved not at all/,
  edits: [
    {
      file: 'src/queue/turn-worker.ts',
      from: `    stalledInterval: STALLED_CHECK_MS,`,
      to: `    skipStalledCheck: true,`,
    },
  ],
};

const COMMITS_FETCHED: SwarmBuild = {
  name: 'the group is told what was fetched instead of what is settled',
  breaks: ['I6'],
  source: 'kafka',
  faults: ['executor-killed'],
  says: /what the source was told \(group\)/,
  edits: [
    {
      file: 'connectors/kafka/where.ts',
      from: `  const offset = view.unsettled > 0 ? view.settledTo : view.next;`,
      to: `  const offset = view.next;`,
    },
  ],
};

/** With the queue's default, a turn whose second holder dies as well fails for good. */
const STALLS_COUNTED: SwarmBuild = {
  name: 'the queue counts crashes as it does by default',
  breaks: ['I8'],
  source: 'redis-stream',
  faults: ['holders-killed'],
  says: /failed for good/,
  edits: [
    {
      file: 'src/queue/turn-worker.ts',
      from: `    maxStalledCount: STALLED_COUNT_MAX,`,
      to: `    maxStalledCount: 1,`,
    },
  ],
};

export const SWARM_WRONG_BUILDS: readonly SwarmBuild[] = [NOT_TAKEN_OVER, COMMITS_FETCHED, STALLS_COUNTED];
