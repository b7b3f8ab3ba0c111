/** `millrace status`: positions, lag, ages, and what is blocked and why (contract.md, "millrace status --json"). */
import { styleText } from 'node:util';
import { Command, InvalidArgumentError } from 'commander';
import { MillraceError } from '../errors.ts';
import { STATUS_TIMEOUT_MS } from '../limits.ts';
import { requireConfig } from '../mapping/require-config.ts';
import { lineRedactor } from '../observe/redact.ts';
import { collectStatus } from '../observe/status.ts';
import type { Status } from '../observe/status-types.ts';
import { connectRedis, type Redis } from '../redis/connect.ts';
import { Keys } from '../redis/keys.ts';
import { SECOND, systemClock } from '../time.ts';
import { formatLines, formatStatus } from './status-table.ts';
import type { Paint } from './status-words.ts';

export interface StatusCommandOptions {
  readonly config: string;
  readonly json: boolean;
  readonly watch: boolean;
  readonly interval: number;
  readonly mapping?: string;
}

export interface Screen {
  readonly terminal: boolean;
  readonly write: (text: string) => void;
  readonly paint: Paint;
}

const HOME_AND_CLEAR = '\u001b[H\u001b[J';
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

const AWAY = `the Redis server did not answer within ${STATUS_TIMEOUT_MS / SECOND} s`;

const HELP = `
Everything is read from Redis: the daemons need not run, and are not disturbed.

  $ millrace status                        a table of every mapping and shard
  $ millrace status --mapping clicks       one mapping
  $ millrace status --watch                drawn anew each second; one line per mapping where there is no terminal
  $ millrace status --json | jq '.mappings[].shards[] | select(.blocked)'

States of a shard
  idle             nothing to do                 waiting   records wait for their turn
  running          a batch is in hand            blocked   the head failed and is tried again
  pending-parent   waits for the shards it was split or merged from
  paused           by an operator, or disabled   closed    split or merged, and settled to its end

Exit codes: 0 done, 1 no such mapping or a wrong configuration, 2 Redis does not answer.`;

export function statusCommand(): Command {
  return new Command('status')
    .description('Show mappings and shards: position, lag, iterator age, blocked records and why.')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--mapping <NAME>', 'only this mapping')
    .option('-w, --watch', 'again and again, until interrupted', false)
    .option('--interval <SECONDS>', 'pause between two looks with --watch', seconds, 1)
    .option('--json', 'machine-readable; with --watch one line per look', false)
    .addHelpText('after', HELP)
    .action(async (options: StatusCommandOptions) => {
      const stop = new AbortController();
      const onSignal = () => stop.abort();
      // Watching ends when the user says so; that is no failure.
      if (options.watch) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
      const terminal = process.stdout.isTTY;
      const write = (text: string) => void process.stdout.write(text);
      await showStatus(options, process.env, { terminal, write, paint: terminal ? terminalPaint : plain }, stop.signal);
    });
}

/** @throws MillraceError `config-invalid`, `mapping-not-found`, `redis-unreachable` */
export async function showStatus(
  options: StatusCommandOptions,
  env: NodeJS.ProcessEnv,
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  const config = requireConfig(options.config, env);
  const keys = new Keys(config.namespace);
  const redis = await connectRedis(config.redis, { role: 'status', options: { commandTimeout: STATUS_TIMEOUT_MS } });
  const redraws = options.watch && screen.terminal && !options.json;
  try {
    if (redraws) screen.write(HIDE_CURSOR);
    do {
      const status = await look(redis, keys, options);
      if (status) screen.write(render(withoutSecrets(status, config.secrets), options, screen));
      else screen.write(`${redraws ? HOME_AND_CLEAR : ''}${AWAY}\n`);
      if (!options.watch) return;
      await systemClock.sleep(options.interval * SECOND, signal);
    } while (!signal.aborted);
  } finally {
    if (redraws) screen.write(SHOW_CURSOR);
    redis.disconnect();
  }
}

/** Undefined while Redis is away, which ends a single look but no watch. */
async function look(redis: Redis, keys: Keys, options: StatusCommandOptions): Promise<Status | undefined> {
  try {
    return await collectStatus(redis, keys, options.mapping === undefined ? {} : { mapping: options.mapping });
  } catch (error) {
    if (!(error instanceof Error) || error.message !== 'Command timed out') throw error;
    if (options.watch) return undefined;
    throw new MillraceError('redis-unreachable', AWAY, {
      hint: 'it answered a moment ago: is it overloaded, or stopping?',
    });
  }
}

/** The last error of a shard is what a handler threw, and may be anything. */
function withoutSecrets(status: Status, secrets: readonly string[]): Status {
  if (secrets.length === 0) return status;
  return JSON.parse(lineRedactor(secrets)(JSON.stringify(status))) as Status;
}

function render(status: Status, options: StatusCommandOptions, screen: Screen): string {
  if (options.json) return `${JSON.stringify(status, null, options.watch ? 0 : 2)}\n`;
  if (!options.watch) return formatStatus(status, screen.paint);
  return screen.terminal ? HOME_AND_CLEAR + formatStatus(status, screen.paint) : formatLines(status);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 3_600)) throw new InvalidArgumentError('Between 0.1 and 3600 seconds.');
  return value;
}

const plain: Paint = (_style, text) => text;
const terminalPaint: Paint = (style, text) => styleText(style, text, { stream: process.stdout });
