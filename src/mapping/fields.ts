/** The whole configuration file, from the declarations of its parts. */
import { z } from 'zod';
import { REDIS_URL_LENGTH_MAX } from '../config-limits.ts';
import { HTTP_DEFAULT } from '../limits.ts';
import { checked, field, text } from './field.ts';
import { connectionObject } from './fields/connection-fields.ts';
import { functionObject } from './fields/function-fields.ts';
import { mappingObject } from './fields/mapping-fields.ts';
import { NAME_PATTERN, NAME_RULE, httpAddressFault, redisUrlFault } from './syntax.ts';

export const DEFAULT_REDIS = 'redis://127.0.0.1:6379';
export const DEFAULT_NAMESPACE = 'millrace';

const name = z.string().regex(NAME_PATTERN, { error: NAME_RULE });

/** Fields of the whole file: at most once in a directory of files. */
export const settingsShape = {
  namespace: field(name.default(DEFAULT_NAMESPACE), {
    about: 'Begins every key, queue and group, so that staging and production can share a Redis.',
    example: 'staging',
    alsoCalled: ['prefix'],
  }),
  redis: field(checked(text(REDIS_URL_LENGTH_MAX), 'bad-redis-url', redisUrlFault).default(DEFAULT_REDIS), {
    about:
      'The Redis (7.0 or later) that holds queue, leases, checkpoints and the streams: `redis://`, `rediss://`, or `redis-sentinel://HOST,HOST/0#NAME`.',
    example: '${REDIS_URL:-redis://127.0.0.1:6379}',
    secret: true,
    alsoCalled: ['redisUrl', 'url'],
  }),
  http: field(checked(text(300), 'bad-http-address', httpAddressFault).exactOptional(), {
    about: `Where \`/livez\`, \`/readyz\` and \`/metrics\` answer, or \`off\`. Not set: \`${HTTP_DEFAULT}\`, or the next free port.`,
    example: '127.0.0.1:9464',
  }),
};

export const configObject = z.strictObject({
  ...settingsShape,
  connections: field(z.record(name, connectionObject).default({}), {
    about: 'Kafka clusters, and other Redis servers, by name.',
    example: '{ events: { type: kafka, brokers: [ "localhost:9092" ] } }',
    alsoCalled: ['connection', 'clusters'],
  }),
  functions: field(z.record(name, functionObject).default({}), {
    about: 'Functions by name.',
    example: '{ enrich: { code: functions/enrich.ts, handler: handler } }',
    alsoCalled: ['function', 'lambdas'],
  }),
  mappings: field(z.record(name, mappingObject).default({}), {
    about: 'Event source mappings by name: which stream goes to which function, and how.',
    example:
      '{ clicks: { function: enrich, source: { type: redis-stream, stream: clicks }, startingPosition: LATEST } }',
    alsoCalled: ['mapping', 'eventSourceMappings'],
  }),
});
