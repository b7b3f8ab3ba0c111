/** Rights that the cluster's ACLs do not give, one after the other, on a real broker with an authorizer: what is said, and what goes on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import kafkajs, { type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collectStatus } from '../../src/observe/status.ts';
import { Keys } from '../../src/redis/keys.ts';
import { numbers } from '../support/engine.ts';
import { type Broker, newBrokerPlace, startBroker, stopBroker } from '../support/kafka/broker.ts';
import { makeTopic } from '../support/kafka/make-topic.ts';
import { GUEST, GUEST_PASSWORD } from '../support/kafka/secure.ts';
import { allowKafkaTime, openClient } from '../support/kafka/use-kafka.ts';
import { dataOf, kafkaSaid, kafkaWorld, keyed, patiently, SAID, settled } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

allowKafkaTime();
const redis = useRedis();
const keys = new Keys('millrace');
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const TOPIC = 'guarded';
const GROUP = `g-${TOPIC}`;
const FAILED = 'guarded-failed';
const OUT = 'guarded-out';
let broker: Broker;
let admin: Admin;
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'millrace-rights-'));
  broker = await startBroker(await newBrokerPlace(path.join(dir, 'kafka'), true));
  const client = openClient(broker);
  admin = client.admin();
  await admin.connect();
  for (const topic of [TOPIC, FAILED, OUT]) await makeTopic(client, { topic, numPartitions: 1 });
});

afterAll(async () => {
  await admin?.disconnect();
  await stopBroker(broker, 'SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

type Right = readonly [act: 'DESCRIBE' | 'READ' | 'WRITE', on: 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID', name: string];

/** A name that ends with a `*` stands for all that begin so. */
function acl([act, on, name]: Right) {
  return {
    ...{
      principal: `User:${GUEST}`,
      host: '*',
      operation: AclOperationTypes[act],
      resourceName: name.replace('*', ''),
    },
    ...{ permissionType: AclPermissionTypes.ALLOW, resourceType: AclResourceTypes[on] },
    resourcePatternType: name.endsWith('*') ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
  };
}

const grant = (...rights: Right[]) => admin.createAcls({ acl: rights.map(acl) });
const revoke = (...rights: Right[]) => admin.deleteAcls({ filters: rights.map(acl) });

async function send(texts: readonly string[]): Promise<void> {
  const producer = openClient(broker).producer();
  await producer.connect();
  await producer.send({ topic: TOPIC, messages: keyed(texts) });
  await producer.disconnect();
}

async function theMapping() {
  const { mappings } = await collectStatus(redis.client, keys);
  return mappings[0];
}

/** `status` says this of the source; null: nothing. */
function sourceSays(reason: RegExp | null) {
  const reasons = async () => ((await theMapping())?.sourceProblems ?? []).map((one) => one.reason);
  return patiently(reasons, (all) => (reason ? all.some((one) => reason.test(one)) : all.length === 0), {
    what: `the source’s problem: ${reason?.source ?? 'none'}`,
  });
}

const world = (more: { readonly handler?: string; readonly mapping?: Record<string, unknown> }) => {
  const brokers = [`127.0.0.1:${broker.secure!.LOGIN}`];
  const sasl = { mechanism: 'plain', username: GUEST, password: GUEST_PASSWORD };
  return kafkaWorld(redis, { bootstrap: '' }, { topic: TOPIC, connection: { brokers, sasl }, ...more });
};

const SEE = /^User:carol may not see the topic guarded: an ACL of the cluster has to grant it Describe$/;
const READ = /^User:carol may not read the topic guarded: an ACL of the cluster has to grant it Read$/;
const JOIN = /^User:carol may not use the consumer group g-guarded: an ACL of the cluster has to grant it Read$/;

test('what is refused is named by `validate --connect` and by `status`, and goes on with each right that is granted or taken back', async () => {
  const handler = `export const handler = async (event, context) => {
    say(event, context);
    const [, records] = Object.entries(event.records)[0];
    if (records.some(({ offset }) => offset < 10)) throw new Error('never');
  };`;
  const destinationConfig = { onFailure: { type: 'kafka-topic', connection: 'test', topic: FAILED } };
  const mapping = { batchSize: 5, maximumRetryAttempts: 0, bisectBatchOnFunctionError: false, destinationConfig };
  const w = await world({ handler, mapping });
  const validate = async () => {
    const { code, stdout, stderr } = await run(MILLRACE, ['validate', '--connect', '-c', w.config]);
    return { code, said: stdout + stderr };
  };
  await send(numbers(10));

  const none = await validate();
  expect(none.code).toBe(1);
  for (const text of [
    'may not see the topic guarded:',
    'use the consumer group g-guarded',
    'see the topic guarded-failed',
  ])
    expect(none.said).toContain(text);
  expect(none.said).toContain(`kafka-acls --add --allow-principal 'User:carol' --operation Read --group g-guarded`);
  expect(none.said).not.toContain(GUEST_PASSWORD);

  const daemon = w.start();
  await sourceSays(SEE);
  expect((await run(MILLRACE, ['status', '-c', w.config])).stdout).toContain(
    'User:carol may not see the topic guarded',
  );
  await grant(['DESCRIBE', 'TOPIC', TOPIC]);
  await sourceSays(READ);
  await grant(['READ', 'TOPIC', TOPIC]);
  await sourceSays(JOIN);
  const some = await validate();
  expect(some.said).not.toContain('the topic guarded:');
  expect(some.said).toContain('use the consumer group g-guarded');

  // Notices have nowhere to go yet.
  await grant(['READ', 'GROUP', GROUP]);
  await sourceSays(null);
  const outbox = async () => (await theMapping())?.shards[0]?.outbox;
  const held = await patiently(outbox, (one) => one?.messages === 10 && one.lastError !== null, {
    what: 'held notices',
  });
  expect(held!.lastError).toMatch(/^User:carol may not .* Write( on guarded-failed)?$/);
  await grant(['DESCRIBE', 'TOPIC', FAILED]);
  expect((await validate()).said).toContain('User:carol may not write to the topic guarded-failed');
  await grant(['WRITE', 'TOPIC', FAILED]);
  await patiently(outbox, (one) => one === undefined, { what: 'an empty outbox' });
  expect(await admin.fetchTopicOffsets(FAILED)).toMatchObject([{ low: '0', high: '10' }]);
  expect(await validate()).toMatchObject({ code: 0 });

  // Taken back while it runs.
  let sent = 10;
  for (const [right, says] of [
    [['READ', 'TOPIC', TOPIC], READ],
    [['READ', 'GROUP', GROUP], JOIN],
  ] as const) {
    await revoke(right);
    await sourceSays(says);
    await send(numbers(5, sent));
    sent += 5;
    await grant(right);
    await sourceSays(null);
    await settled(w, sent - 10);
  }
  await expect.poll(() => dataOf(kafkaSaid(daemon), `${TOPIC}-0`), SAID).toEqual(numbers(20));
  expect(await w.state()).toMatchObject({ gen: '1', 'n:givenUp': '10' });
  expect(await daemon.stop()).toBe(0);
  expect(daemon.lines.filter(({ msg }) => msg.includes('cannot be read')).length).toBeLessThan(12);
});

test('outputs wait for the right that is refused, which `status` names, and go out with the last one', async () => {
  const OURS = 'millrace-output.*';
  const handler = `export const handler = async (event) => ({ output: event.Records.map((record) => ({
    itemIdentifier: record.kinesis.sequenceNumber, data: 'out' })) });`;
  const fromStream = { source: { type: 'redis-stream', stream: 'in' }, startingPosition: 'TRIM_HORIZON' };
  const output = { type: 'kafka-topic', connection: 'test', topic: OUT };
  const w = await world({ handler, mapping: { ...fromStream, output } });
  for (const data of numbers(5)) await redis.client.xadd('in', '*', 'partitionKey', 'k', 'data', data);
  const daemon = w.start();
  const unsent = async () => (await theMapping())?.shards[0]?.unsent;
  const says = (reason: RegExp) =>
    patiently(unsent, (one) => reason.test(one?.lastError ?? ''), { what: `outputs that wait: ${reason.source}` });

  await says(/may not write transactions: .* Write on the transactional ids millrace-output\.\*$/);
  await grant(['WRITE', 'TRANSACTIONAL_ID', OURS]);
  await says(/^User:carol may not keep how far it came: .* Read on the groups millrace-output\.\*$/);
  await grant(['READ', 'GROUP', OURS]);
  await says(/^User:carol may not write to the topic guarded-out: .* Write$/);
  await grant(['WRITE', 'TOPIC', OUT]);
  await says(/^User:carol may not commit how far it came on the topic guarded-out: .* Read$/);
  const { stdout, stderr } = await run(MILLRACE, ['validate', '--connect', '-c', w.config]);
  expect(stdout + stderr).toContain(
    'the outputs go to a topic: User:carol may not commit how far it came on the topic',
  );
  await grant(['READ', 'TOPIC', OUT]);
  await patiently(unsent, (one) => one === undefined, { what: 'outputs that went out' });
  // Each in a transaction, which has a marker of its own behind it.
  const [offsets] = await admin.fetchTopicOffsets(OUT);
  expect(Number(offsets!.high)).toBeGreaterThanOrEqual(6);
  expect(await daemon.stop()).toBe(0);
});
