/** What an operator does beside it all; some of it as commands that are killed (lab/operators.ts). */
import type { Verb } from '../lab/operators.ts';
import type { Fault } from './fault.ts';

const TRIES_MAX = 5;

const act = (verb: Verb, says: string): Fault => ({
  name: verb,
  says,
  touches: 'shard',
  strike: async ({ lab, operator, random }) => {
    const before = operator.done[verb] + operator.killed;
    const hit = (): boolean => operator.done[verb] + operator.killed > before;
    // What is to be skipped may be settled by then, or on its way into a spool; somebody who types it would see so, and try again.
    for (let tries = 0; tries < TRIES_MAX && !hit(); tries++) await operator.act(verb, random.pick(lab.shards));
    return hit();
  },
});

export const OPERATOR_FAULTS: readonly Fault[] = [
  act('pause', '`mapping pause` of a shard, and `mapping resume`; it was done'),
  act('rewind', '`mapping rewind` of a shard to a settled record; it was done'),
  act('skip', '`mapping skip` of a shard; it was done, or killed at work'),
];
