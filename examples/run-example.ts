/** Runs one example on `millrace dev`, with a Redis of its own, and says at its end whether the result is what it must be. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDev } from '../src/commands/dev/start-dev.ts';
import type { Redis } from '../src/redis/connect.ts';
import type { Keys } from '../src/redis/keys.ts';

/** Each folder beside this file has one, in example.ts; main.ts lists them. */
export interface Example {
  /** One line for the list of examples. */
  readonly about: string;
  /** It goes on until Ctrl-C unless told otherwise; the others end when everything is settled. */
  readonly staysOpen?: boolean;
  open(): Promise<OpenExample>;
}

export interface OpenExample {
  /** For `${…}` in its millrace.yaml. */
  readonly env?: Readonly<Record<string, string>>;
  /** Fills the streams, on an empty namespace; the daemon starts after it. */
  prepare(url: string, keys: Keys): Promise<void>;
  footer?(): readonly string[];
  /** What came of it, once everything is settled. */
  judge(redis: Redis, keys: Keys): Promise<Verdict>;
  close?(): Promise<void>;
}

export interface Verdict {
  readonly lines: readonly string[];
  /** A sentence for each thing that is not as it must be. */
  readonly wrong: readonly string[];
}

const here = path.dirname(fileURLToPath(import.meta.url));
const state = path.join(here, '..', '.millrace');

/** Resolves with the exit code: 1 when the result is wrong. */
export async function runExample(name: string, example: Example, untilDrained: boolean): Promise<number> {
  const opened = await example.open();
  const wrong: string[] = [];
  const ends = untilDrained || example.staysOpen !== true;
  try {
    const code = await startDev({
      config: path.relative(process.cwd(), path.join(here, name, 'millrace.yaml')),
      untilDrained: ends,
      redis: process.env['REDIS_URL'] || undefined,
      ...{ stateDir: path.join(state, name), binaryDir: state, fresh: true },
      env: { ...process.env, ...opened.env },
      prepare: (url, keys) => opened.prepare(url, keys),
      footer: () => opened.footer?.() ?? [],
      summary: async (redis, keys) => {
        const verdict = await opened.judge(redis, keys);
        // One that was left by Ctrl-C is not at its end yet.
        if (ends) wrong.push(...verdict.wrong);
        return verdict.lines;
      },
    });
    for (const sentence of wrong) console.error(`Wrong: ${sentence}`);
    return code === 0 && wrong.length > 0 ? 1 : code;
  } finally {
    await opened.close?.();
  }
}
