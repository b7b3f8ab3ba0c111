/** `millrace failures redrive` on the small world of engine.ts: what fails, is mended, and runs again. */
import { writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { eventually, TEST_CACHE, type TestDaemon } from './daemon.ts';
import { said, SAY, type World } from './engine.ts';
import { MILLRACE, run } from './run.ts';

export const SHARD = 'shardId-000000000000';
export const REDRIVE_LINE = `redrive:${SHARD}`;
export const ONCE = { maximumRetryAttempts: 0, batchSize: 1 };

export interface Report {
  readonly redriven: number;
  readonly succeeded: number;
  readonly failedAgain: number;
}

/** Fails for data with an `x` in them, until the file beside it says otherwise: a function that is mended is a new version. */
export const failingFor = (bad: string) => `export const handler = async (event, context) => {
  say(event, context);
  for (const r of event.Records) if (/${bad}/.test(Buffer.from(r.kinesis.data, 'base64').toString())) throw new Error('bad');
};`;

export const failures = (w: World, ...args: readonly string[]) =>
  run(MILLRACE, ['failures', ...args, '-c', w.config], { env: { MILLRACE_CACHE: TEST_CACHE } });

export async function redrive(w: World, ...args: readonly string[]) {
  const ran = await failures(w, 'redrive', '--mapping', 'm', '--yes', '--json', ...args);
  return { ...ran, report: ran.stdout === '' ? null : (JSON.parse(ran.stdout) as Report) };
}

export const mend = (w: World, bad: string) => writeFile(`${w.dir}/handler.mjs`, SAY + failingFor(bad));

export const listed = async (w: World) =>
  JSON.parse((await failures(w, 'list', '--json')).stdout) as { readonly id: string }[];

export const dataOf = (...daemons: readonly TestDaemon[]) => said(...daemons).map(({ data }) => data.join());

export const givenUp = (w: World, n: number) =>
  eventually(
    () => w.redis.xlen(w.keys.failures('m')),
    (length) => length === n,
    { what: `${n} notices`, withinMs: 60_000 },
  );

/** Nothing is left of a redrive but its state. */
export async function nothingLeft(w: World, ...shards: readonly string[]): Promise<void> {
  const { keys } = w;
  const left = [keys.redrives(), keys.redriveShards('m'), keys.redriveTickets('m'), keys.redriveTexts('m')];
  expect(await w.redis.exists(...left, ...[SHARD, ...shards].map((shard) => keys.redrive('m', shard)))).toBe(0);
}
