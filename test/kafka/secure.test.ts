/** TLS, client certificates and logins on a real broker; and what is said when one of them is wrong. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configDir, startTestDaemon, TEST_CACHE } from '../support/daemon.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { stringify } from 'yaml';
import { type Broker, newBrokerPlace, startBroker, stopBroker } from '../support/kafka/broker.ts';
import { makeTopic } from '../support/kafka/make-topic.ts';
import { PASSWORD, type SecurePorts, USER } from '../support/kafka/secure.ts';
import { allowKafkaTime, openClient } from '../support/kafka/use-kafka.ts';
import { patiently } from '../support/kafka/world.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run } from '../support/run.ts';

allowKafkaTime();
const redis = useRedis();
let broker: Broker;
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'millrace-secure-'));
  broker = await startBroker(await newBrokerPlace(path.join(dir, 'kafka'), true));
  const client = openClient(broker);
  await makeTopic(client, { topic: 'safe', numPartitions: 1 });
  const producer = client.producer();
  await producer.connect();
  await producer.send({ topic: 'safe', messages: [{ value: 'hello' }] });
  await producer.disconnect();
});

afterAll(async () => {
  await stopBroker(broker, 'SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

const pem = (name: string) => path.join(dir, 'kafka', name);
const at = (name: keyof SecurePorts) => `127.0.0.1:${broker.secure![name]}`;
const login = (mechanism: string, password = PASSWORD) => ({ mechanism, username: USER, password });

async function configure(connection: object, group: string): Promise<string> {
  const home = await configDir({ 'handler.mjs': 'export const handler = async () => {};' });
  const yaml = stringify({
    redis: redis.url,
    connections: { safe: { type: 'kafka', ...connection } },
    functions: { f: { code: 'handler.mjs', handler: 'handler' } },
    mappings: {
      m: { function: 'f', source: { type: 'kafka', connection: 'safe', topic: 'safe', consumerGroupId: group } },
    },
  });
  await writeFile(path.join(home, 'millrace.yaml'), yaml);
  return path.join(home, 'millrace.yaml');
}

const client = () => ({ ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client.key') });
const GOOD: readonly [string, () => object][] = [
  ['TLS', () => ({ brokers: [at('SSL')], ssl: { ca: pem('ca.pem') } })],
  ['TLS with a client certificate', () => ({ brokers: [at('MUTUAL')], ssl: client() })],
  ['a plain login', () => ({ brokers: [at('LOGIN')], sasl: login('plain') })],
  ['SCRAM-SHA-256', () => ({ brokers: [at('LOGIN')], sasl: login('scram-sha-256') })],
  ['SCRAM-SHA-512', () => ({ brokers: [at('LOGIN')], sasl: login('scram-sha-512') })],
];

describe('records come', () => {
  test.each(GOOD)(
    'by %s',
    async (name, connection) => {
      const config = await configure(connection(), `g-${name.replaceAll(' ', '-')}`);
      const daemon = startTestDaemon({ config, env: { MILLRACE_CACHE: TEST_CACHE } });
      const state = () => redis.client.hget('millrace:shard:m:safe-0', 'n:succeeded');
      await patiently(state, (n) => n === '1', { what: 'the record settled' });
      expect(await daemon.stop()).toBe(0);
      for (const line of daemon.lines) expect(JSON.stringify(line)).not.toContain(PASSWORD);
    },
    60_000,
  );
});

const BAD: readonly [string, () => object, RegExp][] = [
  [
    'a certificate authority that is not theirs',
    () => ({ brokers: [at('SSL')], ssl: { ca: pem('other-ca.pem') } }),
    /not trusted \(ssl\.ca\)/,
  ],
  ['no certificate authority', () => ({ brokers: [at('SSL')], ssl: true }), /not trusted \(ssl\.ca\)/],
  [
    'no client certificate',
    () => ({ brokers: [at('MUTUAL')], ssl: { ca: pem('ca.pem') } }),
    /client's certificate|as expected/,
  ],
  [
    'TLS where there is none',
    () => ({ brokers: [at('LOGIN')], ssl: { ca: pem('ca.pem') } }),
    /speaks no TLS|as expected/,
  ],
  ['no TLS where there is', () => ({ brokers: [at('SSL')] }), /want ssl or sasl/],
  ['no login where there is one', () => ({ brokers: [at('LOGIN')] }), /want ssl or sasl/],
  [
    'a wrong password',
    () => ({ brokers: [at('LOGIN')], sasl: login('plain', 'not-the-password') }),
    /refused the login/,
  ],
  [
    'a wrong password (SCRAM)',
    () => ({ brokers: [at('LOGIN')], sasl: login('scram-sha-256', 'not-the-password') }),
    /refused the login/,
  ],
  [
    'a wrong password (SCRAM-512)',
    () => ({ brokers: [at('LOGIN')], sasl: login('scram-sha-512', 'not-the-password') }),
    /refused the login/,
  ],
  [
    'a user that is not known',
    () => ({ brokers: [at('LOGIN')], sasl: { ...login('scram-sha-256', 'not-the-password'), username: 'bob' } }),
    /refused the login/,
  ],
  [
    'a mechanism that the broker does not offer',
    () => ({ brokers: [at('PLAINLY')], sasl: login('scram-sha-512') }),
    /does not offer sasl\.mechanism scram-sha-512; it offers: plain/,
  ],
  [
    'the client certificate of another authority',
    () => ({
      brokers: [at('MUTUAL')],
      ssl: { ca: pem('ca.pem'), cert: pem('other-ca.pem'), key: pem('other-ca.key') },
    }),
    /client's certificate|as expected/,
  ],
  [
    'a key that is not that of the certificate',
    () => ({ brokers: [at('MUTUAL')], ssl: { ...client(), key: pem('other-ca.key') } }),
    /ssl\.key does not belong to ssl\.cert/,
  ],
  [
    'a name that is not in the certificate',
    () => ({ brokers: [at('SSL').replace('127.0.0.1', 'localhost')], ssl: { ca: pem('ca.pem') } }),
    /another name than that in brokers/,
  ],
  ['a port where nobody listens', () => ({ brokers: ['127.0.0.1:1'] }), /no broker answers/],
  ['a name that does not exist', () => ({ brokers: ['no-such-host.invalid:9092'] }), /cannot be resolved/],
];

test('a daemon says in its log and in `status` what keeps it from the cluster', async () => {
  const config = await configure({ brokers: [at('PLAINLY')], sasl: login('scram-sha-512') }, 'g');
  const daemon = startTestDaemon({ config, env: { MILLRACE_CACHE: TEST_CACHE } });
  const reason = 'the broker does not offer sasl.mechanism scram-sha-512; it offers: plain';
  await daemon.line((line) => line['error'] === reason, 'a line that says so');
  const status = async () => (await run(MILLRACE, ['status', '-c', config])).stdout;
  expect(
    await patiently(status, (text) => text.includes('source cannot be read'), { what: 'a status that says so' }),
  ).toContain(reason);
  expect(await daemon.stop()).toBe(0);
});

describe('`validate --connect` says what is wrong', () => {
  test.each(BAD)('with %s', async (_name, connection, said) => {
    const config = await configure(connection(), 'g');
    const { code, stderr, stdout } = await run(MILLRACE, ['validate', '--connect', '-c', config]);
    expect(stderr + stdout).toMatch(said);
    expect(stderr + stdout).not.toContain('not-the-password');
    expect(code).toBe(2);
  });

  test('and nothing when all is well, or which topic is missing', async () => {
    const good = await configure({ brokers: [at('LOGIN')], sasl: login('scram-sha-512') }, 'g');
    expect(await run(MILLRACE, ['validate', '--connect', '-c', good])).toMatchObject({ code: 0 });
  });
});
