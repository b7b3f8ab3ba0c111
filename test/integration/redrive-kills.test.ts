/** `millrace failures redrive` while daemons and the command itself are killed, at moments that a seed chooses. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Ticket } from '../../src/redrive-line.ts';
import { timesOf } from '../chaos/lab/report.ts';
import { eventually } from '../support/daemon.ts';
import { add, heard, numbers, said, SAY, world } from '../support/engine.ts';
import { failingFor, givenUp, nothingLeft, ONCE, redrive, REDRIVE_LINE } from '../support/redrive.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run, start } from '../support/run.ts';

vi.setConfig({ testTimeout: 240_000 });
const redis = useRedis();
const [RECORDS, DAEMON_KILLS, COMMAND_KILLS] = [40, 4, 4];

/** Those with a `5` fail again, for good. */
const slow = `export const handler = async (event, context) => {
  await new Promise((resolve) => setTimeout(resolve, 80));
  say(event, context);
  const data = event.Records.map((r) => Buffer.from(r.kinesis.data, 'base64').toString());
  if (/5/.test(data.join())) throw new Error('still');
  return { output: event.Records.map((r, i) => ({ data: data[i], itemIdentifier: r.kinesis.sequenceNumber })) };
};`;

/** The same for the same seed (a linear congruence). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** More with MILLRACE_CHAOS_TIMES in the environment. */
const SEEDS = Array.from({ length: timesOf(1) }, (_, n) => n + 1);

test.for(SEEDS)('seed %d: a notice is gone exactly when its records succeeded', async (seed) => {
  const random = randomOf(seed);
  const mapping = { ...ONCE, output: { type: 'redis-stream', stream: 'out' } };
  const w = await world(redis, { handler: failingFor('.'), mapping });
  const values = numbers(RECORDS);
  await add(w.redis, 's', values);
  const broken = w.start();
  await givenUp(w, RECORDS);
  await broken.stop();
  await writeFile(`${w.dir}/handler.mjs`, SAY + slow);
  const daemons = [w.start()];
  await daemons[0]!.ready;
  const ask = () => start(MILLRACE, ['failures', 'redrive', '--mapping', 'm', '--yes', '-c', w.config]);
  let asking = ask();
  // Which of them is hit when; what nobody put there yet the next command puts there.
  const kills = [...numbers(DAEMON_KILLS).map(() => 'daemon'), ...numbers(COMMAND_KILLS).map(() => 'command')];
  for (const kill of kills.toSorted(() => random() - 0.5)) {
    await sleep(random() * 700);
    if (kill === 'command') {
      asking.kill('SIGKILL');
      await asking.ended;
      asking = ask();
      continue;
    }
    daemons.at(-1)!.kill('SIGKILL');
    daemons.push(w.start());
    await daemons.at(-1)!.ready;
  }
  await asking.ended;
  const good = values.filter((value) => !value.includes('5'));
  const bad = values.filter((value) => value.includes('5'));
  await givenUp(w, bad.length);
  await eventually(
    () => w.redis.exists(w.keys.redrives()),
    (n) => n === 0,
    { what: 'nothing that waits', withinMs: 60_000 },
  );
  const dataIn = (payload: string) =>
    (JSON.parse(payload) as { Records: { kinesis: { data: string } }[] }).Records.map(({ kinesis }) =>
      Buffer.from(kinesis.data, 'base64').toString(),
    );
  // What stayed is what failed again; what went is in the output, once, in order.
  expect((await w.notices()).flatMap(({ payload }) => dataIn(payload!))).toEqual(bad);
  expect((await w.redis.xrange('out', '-', '+')).map(([, fields]) => fields[3])).toEqual(good);
  const runs = said(...daemons).filter(({ shard }) => shard === REDRIVE_LINE);
  expect(new Set(runs.flatMap(({ data }) => data))).toEqual(new Set(values));
  // The commands that were killed ran before the last: what failed again until then it puts there once more.
  const again = runs.filter(({ data }) => good.includes(data[0]!));
  expect(again.length - good.length).toBeLessThanOrEqual(DAEMON_KILLS);
  await writeFile(`${w.dir}/handler.mjs`, SAY + slow.replace('/5/', '/never/'));
  await daemons.at(-1)!.stop();
  const last = w.start();
  await last.ready;
  expect((await redrive(w)).report).toEqual({ redriven: bad.length, succeeded: bad.length, failedAgain: 0 });
  await heard(bad.length, last);
  // A command may put a notice there that went since it looked: nothing of it runs, and that it was gone is known for ten minutes.
  const tickets = await w.redis.hvals(w.keys.redriveTickets('m'));
  expect(tickets.map((text) => (JSON.parse(text) as Ticket).state).filter((state) => state !== 'gone')).toEqual([]);
  await w.redis.del(w.keys.redriveTickets('m'));
  await nothingLeft(w);
  expect((await run(MILLRACE, ['failures', 'list', '--json', '-c', w.config])).stdout).toBe('[]\n');
});
