/** The checker where an operator skips, and where the source itself lost records: what may be missing, and what may not. */
import { expect, it } from 'vitest';
import { checkHistory } from './checker.ts';
import { position, range, SHARD, Story } from './story.ts';

function violationsOf(story: Story, succeeded: number, checkpoint: number): string[] {
  const shard = { shard: SHARD, checkpoint: position(checkpoint), groupMarker: position(checkpoint), unitsPending: 0 };
  const settled = { succeeded, expired: 0, givenUp: story.notices.length };
  const end = story.end({ shards: [{ ...shard, settled }] });
  const { violations } = checkHistory(story.lines, end, { liveness: { leaseMs: 5_000 } });
  return violations.map(({ invariant, message }) => `${invariant} ${message}`);
}

const lossy = (story: Story) => story.fault({ fault: 'cut', lossy: true });

it('what the source lost need not be settled, also when a handler had begun it', () => {
  const story = lossy(new Story().accepted(1, 5).unit(1, 2).attempt('start', 3, 4, { id: 'B' }));
  story.put({ kind: 'source-lost', shard: SHARD, positions: range(3, 5) });
  story.accepted(6, 7).unit(6, 7, { id: 'C', epoch: 2 });
  expect(violationsOf(story, 4, 7)).toEqual([]);
});

it('what the source still has is to be settled, however much Redis lost', () => {
  const story = lossy(new Story().accepted(1, 5).unit(1, 2)).put({
    ...{ kind: 'source-lost', shard: SHARD, positions: range(5, 5) },
  });
  story.accepted(6, 7).unit(6, 7, { id: 'C', epoch: 2 });
  expect(violationsOf(story, 4, 7).join()).toContain(`${position(3)}`);
});

it('an epoch that goes back is seen, whatever was lost', () => {
  const story = lossy(new Story().accepted(1, 2).unit(1, 2, { epoch: 5 })).accepted(3, 3);
  expect(violationsOf(story.unit(3, 3, { id: 'B', epoch: 4 }), 3, 3).join()).toContain('I3');
});

it('a skip gives up what was named, and no more', () => {
  const skipped = (last: number): string[] => {
    const story = new Story().accepted(1, 4).put({ kind: 'skip', shard: SHARD, last: position(2) });
    for (let n = 1; n <= last; n++) story.notice('SkippedByOperator', n, n, `A${n}`, 0);
    return violationsOf(story.unit(last + 1, 4, { id: 'B' }), 4 - last, 4);
  };
  expect(skipped(2)).toEqual([]);
  expect(skipped(3)).toEqual([`I1 ${position(3)} to ${position(3)} were skipped, and nobody had named ${position(3)}`]);
});
