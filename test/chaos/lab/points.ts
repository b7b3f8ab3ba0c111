/**
 * R4 (faults.md): the calls of a daemon's ports, at each of which it may crash before and after. What is in no list here fails the test:
 * whoever adds a script or a call says whether it is a point.
 */

export const SIDES = ['before', 'after'] as const;
export type Side = (typeof SIDES)[number];

/** Call → the most times that a daemon comes there before it crashes; how often it does is the seed's. */
export const POINTS: Readonly<Record<string, number>> = {
  // Joining, and what a daemon does for a mapping that it begins to serve.
  'script version': 1,
  'script register': 1,
  'script started': 1,
  'script init': 3,
  'script beat': 6,
  'source describe': 3,
  'source start': 2,
  'redis subscribe': 1,
  // From a record to its turn.
  'redis xread': 4,
  'script sweep': 3,
  'turns wake': 4,
  'turns promote': 3,
  'redis bzpopmin': 6,
  'queue moveToActive': 8,
  'queue moveStalledJobsToWait': 4,
  'queue extendLock': 3,
  // The turn.
  'script take': 5,
  'reader readAfter': 8,
  'sandbox invoke': 8,
  'child start': 3,
  'script settle': 16,
  'script stage': 2,
  'script unstage': 1,
  'script move': 2,
  'script release': 5,
  'queue moveToDelayed': 4,
  'queue moveToFinished': 3,
  // From the outbox to another Redis.
  'script outboxes': 3,
  'script outbox': 6,
  'sender last': 3,
  'script forward': 3,
};

/** No points, and why. */
export const NO_POINTS: Readonly<Record<string, readonly string[]>> = {
  'it reads or remembers, and nothing outside is different afterwards': [
    ...[
      'redis client',
      'redis info',
      'redis time',
      'redis ping',
      'redis type',
      'redis get',
      'redis mget',
      'redis hget',
    ],
    ...['redis hmget', 'redis hgetall', 'redis hkeys', 'redis smembers', 'redis zrange', 'redis zscore', 'redis xinfo'],
    ...[
      'redis xlen',
      'redis lindex',
      'redis memory',
      'script readers',
      'script measure',
      'script count',
      'script range',
    ],
    ...['script status', 'script count-after', 'output route', 'output full', 'output added'],
    ...['sandbox stats', 'sandbox holdOffMs', 'sandbox reserve'],
  ],
  'it is a part of a call that is a point': ['queue addStandardJob', 'queue moveJobsToWait', 'sender send'],
  'a note that is made anew twice a second, and by any poller': [
    ...['backlog read', 'backlog close', 'redis set', 'redis pttl'],
  ],
  'BullMQ writes its version down': ['redis hset'],
  'it comes only where a signal was lost, and comes again until it helped': [
    ...['turns hurry', 'turns freeStuck', 'queue promote', 'script drop-orphan'],
  ],
  'only after somebody removed keys, in one step that may come twice: r12-lost-keys.test.ts': ['script disown'],
  'a daemon ends in order, or leaves what it did not need for long': [
    ...[
      'turns close',
      'worker pause',
      'worker resume',
      'worker close',
      'reader close',
      'sandbox close',
      'sender close',
    ],
  ],
  'it comes once in ten seconds at most, in one step that may come twice': ['source trim', 'script trim'],
  'only where arrival is first-seen, in one step that may come twice': ['script mark'],
  "a topic's: R16 to R18 kill its pollers": [
    ...['claim', 'append', 'spools', 'lose', 'restart', 'close', 'refetch'].map((name) => `script ${name}`),
  ],
  'redrives: test/integration/redrive-kills.test.ts': ['script enqueue', 'script advance'],
  'an act of an operator, made by a command: operators.test.ts': [
    ...['pause', 'resume', 'rewind', 'audit', 'create', 'split', 'merge', 'delete', 'put'].map(
      (name) => `script ${name}`,
    ),
  ],
};

export function isKnown(call: string): boolean {
  return call in POINTS || Object.values(NO_POINTS).some((calls) => calls.includes(call));
}
