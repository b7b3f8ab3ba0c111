/** How far a topic has a shard's outputs, as brokers may answer: only an answer that says there is none is none. */
import { describe, expect, test } from 'vitest';
import { explainSend } from '../../connectors/kafka/explain.ts';
import { compactText } from '../../connectors/kafka/flexible.ts';
import { fetchSentPosition } from '../../connectors/kafka/sent-position.ts';

const [NONE, UNKNOWN_TOPIC, LOADING, UNSTABLE, NO_GROUP, NO_TOPIC, OTHER] = [0, 3, 14, 88, 30, 29, 42];

interface Said {
  readonly partition?: number;
  readonly whole?: number;
  readonly metadata?: string;
}

/** OffsetFetch, version 7: throttling; one topic with one partition; the whole's error. */
function answer({ partition = NONE, whole = NONE, metadata = '' }: Said): Buffer {
  const int16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
  return Buffer.concat([
    ...[Buffer.alloc(1 + 4), Buffer.from([2]), compactText('t'), Buffer.from([2])],
    ...[Buffer.alloc(4 + 8 + 4), compactText(metadata), int16(partition), Buffer.alloc(2)],
    ...[int16(whole), Buffer.alloc(1)],
  ]);
}

function clusterThatSays(...answers: readonly Said[]) {
  let asked = 0;
  const send = ({ response }: { response: { parse: (raw: Buffer) => Promise<unknown> } }) =>
    response.parse(answer(answers[Math.min(asked++, answers.length - 1)]!));
  return {
    ...{ connect: () => Promise.resolve(), refreshMetadataIfNecessary: () => Promise.resolve() },
    findGroupCoordinator: () => Promise.resolve({ connectionPool: { send } }),
    asked: () => asked,
  };
}

describe('the position of a shard in a topic', () => {
  test('is what was committed, or none', async () => {
    await expect(fetchSentPosition(clusterThatSays({ metadata: '17-3' }), 'g', 't')).resolves.toBe('17-3');
    await expect(fetchSentPosition(clusterThatSays({}), 'g', 't')).resolves.toBeNull();
  });

  test('is asked for again while the coordinator is loading or a transaction is being ended', async () => {
    const cluster = clusterThatSays({ whole: LOADING }, { partition: UNSTABLE }, { metadata: '17-3' });
    await expect(fetchSentPosition(cluster, 'g', 't')).resolves.toBe('17-3');
    expect(cluster.asked()).toBe(3);
  });

  test.for([
    ['the topic is unknown to the broker', { partition: UNKNOWN_TOPIC }, 'there is no topic t'],
    [
      'the login may not read the group',
      { whole: NO_GROUP },
      /^User:a may not keep how far it came: .*Read on the groups/,
    ],
    ['the login may not see the topic', { partition: NO_TOPIC }, /^User:a may not write to the topic t: /],
    ['the broker says something else', { whole: OTHER }, /cannot be read \(error 42\)/],
  ] as const)('is not none when %s', async ([, said, sentence]) => {
    const failed = await fetchSentPosition(clusterThatSays(said), 'g', 't').catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Error);
    expect(explainSend(failed, { topic: 't', principal: 'User:a' })).toMatch(sentence);
  });
});
