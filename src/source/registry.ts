/** Source type → connector. The one place that knows which connectors there are. */
import { createRedisStreamSource } from '../../connectors/redis-stream/source.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { Source } from './port.ts';

/** A mapping's `source`, by its type; each connector takes what it needs of it. */
export interface RedisStreamSpec {
  readonly type: 'redis-stream';
  readonly stream: string;
  readonly trim?: 'never' | 'settled' | undefined;
  readonly arrival?: 'id' | 'first-seen' | undefined;
}
export type SourceSpec = RedisStreamSpec;

export interface SourceContext {
  readonly redis: Redis;
  readonly keys: Keys;
}

type Factories = {
  readonly [T in SourceSpec['type']]: (spec: Extract<SourceSpec, { type: T }>, context: SourceContext) => Source;
};

const factories: Factories = {
  'redis-stream': (spec, { redis, keys }) =>
    createRedisStreamSource({ redis, keys, stream: spec.stream, trim: spec.trim, arrival: spec.arrival }),
};

/** Makes no connection and reads nothing yet. */
export function openSource(spec: SourceSpec, context: SourceContext): Source {
  return factories[spec.type](spec, context);
}
