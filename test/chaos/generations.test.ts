/** The checker of histories with rewinds: each generation keeps the invariants by itself, and what runs again has to. */
import { expect, it } from 'vitest';
import { checkHistory, describeViolations } from './checker.ts';
import { position, SHARD, Story, T0 } from './story.ts';

/** Three records of five are settled, and the shard is rewound to the second; then `after`, whose epoch is given. */
function rewound(after: (story: Story, epoch: number) => void, settled = 8): string[] {
  const story = new Story().accepted(1, 5).attempt('start', 1, 3).attempt('success', 1, 3);
  story.put({ kind: 'checkpoint', shard: SHARD, position: position(3), generation: 1 });
  const atMs = T0 + story.t + 5;
  story.put({ kind: 'rewind', shard: SHARD, first: position(2), atMs });
  after(story, atMs * 1_000 + 7);
  const counts = { succeeded: settled, expired: 0, givenUp: 0 };
  const facts = { checkpoint: position(5), groupMarker: position(5), unitsPending: 0, redelivered: 2 };
  const end = story.end({ shards: [{ shard: SHARD, ...facts, settled: counts }] });
  const { violations } = checkHistory(story.lines, end, { liveness: { leaseMs: 5_000 } });
  return violations.map((violation) => `${violation.invariant} ${describeViolations([violation])}`);
}

const second = { id: 'B' };

it('clean: from the position on everything again, and what was not settled before', () => {
  expect(rewound((story, epoch) => story.unit(2, 3, { ...second, epoch }).unit(4, 5, { id: 'C', epoch }), 7)).toEqual(
    [],
  );
});

it('clean: what was in flight ends under its old epoch, and settles nothing', () => {
  const after = (story: Story, epoch: number) => {
    const old = { id: 'Z', epoch: 1 };
    story
      .attempt('start', 4, 5, old)
      .attempt('start', 2, 5, { ...second, epoch })
      .attempt('success', 4, 5, old);
    story.attempt('success', 2, 5, { ...second, epoch }).checkpoint(5);
  };
  expect(rewound(after, 7)).toEqual([]);
});

it('a record of the position on that does not run again is lost, however well it ran before', () => {
  const [lost] = rewound((story, epoch) => story.unit(3, 5, { ...second, epoch }), 7);
  expect(lost).toContain(`1 accepted positions neither succeeded nor left a notice: ${position(2)}`);
});

it('order holds anew', () => {
  const after = (story: Story, epoch: number) =>
    story
      .unit(3, 3, { ...second, epoch })
      .unit(2, 2, { id: 'C', epoch })
      .unit(4, 5, { id: 'D', epoch });
  expect(rewound(after, 7).join()).toContain(
    `I2 I2 ${SHARD}: ${position(3)} started before ${position(2)} was settled`,
  );
});

it('a record that ran under the new epoch twice is a repeat', () => {
  const after = (story: Story, epoch: number) =>
    story.unit(2, 5, { ...second, epoch }).attempt('start', 5, 5, { id: 'C', epoch });
  expect(rewound(after, 7).join()).toContain(`${position(5)} was delivered again and no fault explains it`);
});

it('counts: each record once, and what ran again once more', () => {
  const after = (story: Story, epoch: number) => story.unit(2, 5, { ...second, epoch });
  expect(rewound(after, 5)).toEqual([
    expect.stringContaining('settled counts 5, 5 records and 2 that ran again are 7'),
  ]);
});

it('what was not settled before the rewind, and does not run again, is lost as ever', () => {
  const story = new Story().accepted(1, 3).attempt('start', 2, 2).attempt('success', 2, 2);
  const atMs = T0 + story.t + 5;
  story.put({ kind: 'rewind', shard: SHARD, first: position(2), atMs });
  story.unit(2, 3, { ...second, epoch: atMs * 1_000 });
  const { violations } = checkHistory(story.lines, story.end(), { liveness: { leaseMs: 5_000 } });
  expect(violations.map(({ invariant }) => invariant)).toEqual(expect.arrayContaining(['I1', 'I2']));
});
