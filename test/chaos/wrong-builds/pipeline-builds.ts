/** Wrong builds that show only in a pipeline (pipeline.test.ts). */
import type { WrongBuild } from './builds.ts';

const APART_FROM_SETTLE: WrongBuild = {
  name: 'outputs are appended apart from the settle',
  breaks: ['doubled'],
  edits: [
    {
      file: 'src/turn/shipping.ts',
      from: `        const route = await target.route(tries > 0);
        const settled`,
      to: `        const route = await target.route(tries > 0);
        for (const { partitionKey, data, origin } of many ? [] : outputs) {
          const key = route.keys[route.indexOf(partitionKey)]!;
          await redis.xadd(key, '*', 'partitionKey', partitionKey, 'data', data, 'origin', prefix + origin);
        }
        const settled`,
    },
    {
      file: 'src/turn/shipping.ts',
      from: `      const partitionKeys = many ? [] : outputs.map(({ partitionKey }) => partitionKey);`,
      to: `      const partitionKeys: string[] = [];`,
    },
  ],
};

/** It also takes its time before it says what was sent: kills in between are rare else. */
const NOT_ASKED: WrongBuild = {
  name: 'a new sender does not ask how far the topic is',
  breaks: ['doubled'],
  edits: [
    {
      file: 'connectors/kafka/exact-producer.ts',
      from: 'return { producer, next, position };',
      to: 'return { producer, next, position: position && null };',
    },
    {
      file: 'src/daemon/forwarding.ts',
      from: 'if (await this.#senders.outputs(name, to).send(outputs)) sent.push(...ids);',
      to: `if (await this.#senders.outputs(name, to).send(outputs)) sent.push(...ids);
    await this.#deps.clock.sleep(150);`,
    },
  ],
};

/** It also takes its time before it appends: a daemon is rarely stopped between its question and its append else. */
const POSITION_IGNORED: WrongBuild = {
  name: 'what another sender has appended meanwhile is appended again',
  breaks: ['doubled'],
  edits: [
    {
      file: 'connectors/redis-stream/lua/forward-N.lua',
      from: `if (redis.call('HGET', KEYS[1], 'last') or '') ~= ARGV[1] then return { 'moved' } end`,
      to: ``,
    },
    {
      file: 'connectors/redis-stream/exact-output.ts',
      from: `      const reply = await forwardScript.run(`,
      to: `      await new Promise((resolve) => setTimeout(resolve, 300));
      const reply = await forwardScript.run(`,
    },
  ],
};

export const OTHER_REDIS_WRONG_BUILDS: readonly WrongBuild[] = [POSITION_IGNORED];
export const KAFKA_PIPELINE_WRONG_BUILDS: readonly WrongBuild[] = [NOT_ASKED];
export const PIPELINE_WRONG_BUILDS: readonly WrongBuild[] = [APART_FROM_SETTLE];
