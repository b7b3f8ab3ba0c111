/** Tumbling windows for tests on the real server: a handler that sums and says what it got, and records at given moments. */
import { eventually, type TestDaemon } from './daemon.ts';
import { add, type Said, said, type World, world, type WorldSpec } from './engine.ts';
import type { TestRedis } from './redis.ts';

export const LENGTH = 2_000;

export interface Told extends Said {
  readonly window: { readonly start: string; readonly end: string };
  readonly state: Record<string, unknown>;
  readonly final: boolean;
  readonly early: boolean;
  readonly keys: readonly string[];
  readonly arn: string;
  readonly in: string;
}

/** Says everything; sums what it is given, `sum`. `moves` is put in front of its answer, `end` in front of that of a final invocation. */
export const summing = (moves = '', end = '') => `export const handler = async (event, context) => {
  const final = event.isFinalInvokeForWindow;
  say(event, context, { window: event.window, state: event.state, final, early: event.isWindowTerminatedEarly,
    keys: Object.keys(event), arn: event.eventSourceARN, in: event.shardId });
  const { attempt } = context.millrace;
  const data = event.Records.map((r) => Buffer.from(r.kinesis.data, 'base64').toString());
  if (final) { ${end} return {}; }
  const sum = (event.state?.sum ?? 0) + data.reduce((total, text) => total + Number(text), 0);
  ${moves}
  return { state: { sum } };
};`;

export const told = (...daemons: readonly TestDaemon[]) => said(...daemons) as Told[];

export const hear = (n: number, what: string, ...daemons: readonly TestDaemon[]) =>
  eventually(
    () => told(...daemons),
    (all) => all.length >= n,
    { what, withinMs: 60_000 },
  );

export const finals = (n: number, ...daemons: readonly TestDaemon[]) =>
  eventually(
    () => told(...daemons).filter(({ final }) => final),
    (all) => all.length >= n,
    { what: `${n} final invocations`, withinMs: 60_000 },
  );

/** Beginning of a window of the past, so that everything put into it is old. */
export const PAST = Math.floor((Date.now() - 3_600_000) / LENGTH) * LENGTH;
const iso = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
export const times = (start: number, length = LENGTH) => ({ start: iso(start), end: iso(start + length) });

/** Records at given moments of the past, in order. */
export async function put(w: World, ...records: readonly (readonly [ms: number, text: string])[]): Promise<string[]> {
  const ids: string[] = [];
  for (const [ms, text] of records) ids.push(...(await add(w.redis, 's', [text], `${ms}-*`)));
  return ids;
}

export const windowed = (
  redis: TestRedis,
  handler: string,
  mapping: Record<string, unknown> = {},
  more: Partial<WorldSpec> = {},
) => world(redis, { handler, mapping: { tumblingWindowInSeconds: LENGTH / 1_000, ...mapping }, ...more });

/** What the invocations were: their records, the state that they got, and whether they ended the window. */
export const story = (all: readonly Told[]) =>
  all.map(({ data, state, final }) => `${data.join('+')}${final ? 'end' : ''} of ${JSON.stringify(state)}`);
