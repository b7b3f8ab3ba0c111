/** Everything that can be written under `connections.<name>`: Kafka clusters, and Redis servers beside the one that Millrace runs on. */
import { z } from 'zod';
import { REDIS_URL_LENGTH_MAX } from '../../config-limits.ts';
import { checked, field, text } from '../field.ts';
import { brokerFault, redisUrlFault } from '../syntax.ts';

const path = (about: string, example: string) => field(text(4096).exactOptional(), { about, example });

const secretText = (about: string, example: string) =>
  field(text(1024), { about: `${about} Write it as \`\${VAR}\`.`, example, secret: true });

const certificates = z.strictObject({
  ca: path(
    'Certificate (PEM) that signed the brokers’, relative to the YAML file. Not set: the system’s.',
    'certs/ca.pem',
  ),
  cert: path('Certificate (PEM) that this client shows.', 'certs/client.pem'),
  key: path('Its key (PEM).', 'certs/client.key'),
  passphrase: field(text(1024).exactOptional(), {
    about: 'Of the key. Write it as `${VAR}`.',
    example: '${KEY_PASSPHRASE}',
    secret: true,
  }),
});

const kafkaConnectionShape = {
  type: field(z.literal('kafka'), { about: 'A Kafka cluster (3.9 or 4.x).', example: 'kafka' }),
  brokers: field(
    z
      .array(checked(text(300), 'bad-broker', brokerFault))
      .min(1, { error: 'must have at least 1 entry' })
      .max(10, { error: 'must have at most 10 entries' }),
    {
      about: 'Where to ask for the cluster first: `host:port` of some of its brokers.',
      example: '[ "broker-1:9092", "broker-2:9092" ]',
      alsoCalled: ['bootstrapServers', 'servers', 'hosts'],
    },
  ),
  clientId: field(text(249).default('millrace'), {
    about: 'What the brokers’ logs and quotas know this client by.',
    example: 'millrace',
  }),
  ssl: field(z.union([z.boolean(), certificates]).default(false), {
    about: 'Encryption: `true`, or the certificates.',
    example: '{ ca: certs/ca.pem }',
    expects: 'true, false, or { ca, cert, key, passphrase }',
    alsoCalled: ['tls'],
  }),
  sasl: field(
    z
      .strictObject({
        mechanism: field(z.enum(['plain', 'scram-sha-256', 'scram-sha-512']), {
          about: 'How the client logs in.',
          example: 'scram-sha-512',
        }),
        username: field(text(1024), { about: 'Name to log in with.', example: '${KAFKA_USER}', alsoCalled: ['user'] }),
        password: secretText('Its password.', '${KAFKA_PASSWORD}'),
      })
      .exactOptional(),
    {
      about: 'Logging in. Not set: without.',
      example: '{ mechanism: scram-sha-512, username: "${KAFKA_USER}", password: "${KAFKA_PASSWORD}" }',
      alsoCalled: ['auth'],
    },
  ),
};

const redisConnectionShape = {
  type: field(z.literal('redis'), {
    about: 'Another Redis server (7.0 or later), for outputs to its streams.',
    example: 'redis',
  }),
  url: field(checked(text(REDIS_URL_LENGTH_MAX), 'bad-redis-url', redisUrlFault), {
    about: 'Its URL, `redis://`, `rediss://` or `redis-sentinel://`.',
    example: 'rediss://:${WEST_PASSWORD}@west.example.com:6380',
    secret: true,
    alsoCalled: ['redis', 'redisUrl'],
  }),
};

const anyType = field(z.enum(['kafka', 'redis']), { about: 'What it is.', example: 'kafka' });
/** What a connection is checked against: whatever its type is, that is one that there is. */
export const checkedAsKafka = { ...kafkaConnectionShape, type: anyType };
export const checkedAsRedis = { ...redisConnectionShape, type: anyType };

const kafkaConnectionObject = z.strictObject(kafkaConnectionShape);
const redisConnectionObject = z.strictObject(redisConnectionShape);
export const connectionObject = z.discriminatedUnion('type', [kafkaConnectionObject, redisConnectionObject]);
export type KafkaConnectionFields = z.output<typeof kafkaConnectionObject>;
export type RedisConnectionFields = z.output<typeof redisConnectionObject>;
