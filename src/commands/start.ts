/** `millrace start`: a daemon (contract.md, "Running it"). */
import { Command, InvalidArgumentError } from 'commander';
import type { Daemon, Role } from '../daemon/daemon.ts';
import { openDaemon } from '../daemon/open-daemon.ts';
import { GRACE_BEYOND_TIMEOUT_S, TURNS_PER_MAPPING } from '../limits.ts';
import { formatProblem } from '../mapping/format-problem.ts';
import { requireConfig } from '../mapping/require-config.ts';
import type { Config } from '../mapping/types.ts';
import { createLogger, type LogLevel } from '../observe/logger.ts';
import { systemClock } from '../time.ts';

interface StartOptions {
  readonly config: string;
  readonly role: readonly Role[];
  readonly http?: string;
  readonly grace?: number;
  readonly concurrency: number;
  readonly logLevel: LogLevel;
}

const HELP = `
A daemon watches streams (role poller), takes shards' turns and runs functions (role executor), or both. Start any
number, on any number of hosts: they share the work through Redis, and take over from each other.

  $ millrace start                               both roles, millrace.yaml
  $ millrace start -c prod/ --role executor      more hands for the functions
  $ millrace start --http 0.0.0.0:9464           /livez, /readyz and /metrics for everybody

SIGTERM and SIGINT drain: nothing new is taken, what is in flight finishes, exit 0. After --grace, or at a second signal,
it stops at once; what was in flight is delivered again later.`;

export function startCommand(): Command {
  return new Command('start')
    .description('Run a daemon: watch streams, take turns, run functions.')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--role <ROLES>', 'poller, executor, or both', roles, ['poller', 'executor'] as readonly Role[])
    .option('--http <HOST:PORT>', 'where /livez, /readyz and /metrics listen; off: nowhere (default: 127.0.0.1:9464)')
    .option('--grace <SECONDS>', 'bound on draining (default: the longest timeout of the functions plus 5)', positive)
    .option('--concurrency <N>', 'turns of one mapping at once in this daemon', positive, TURNS_PER_MAPPING)
    .option('--log-level <LEVEL>', 'debug, info, warn or error', level, 'info' as LogLevel)
    .addHelpText('after', HELP)
    .action((options: StartOptions) => runDaemon(options));
}

async function runDaemon(options: StartOptions): Promise<void> {
  const config = requireConfig(options.config, process.env, {
    onWarning: (problem) => process.stderr.write(`${formatProblem(problem)}\n`),
  });
  const log = createLogger({ level: options.logLevel, secrets: config.secrets });
  const signals = listen();
  let signal: NodeJS.Signals;
  let cut: NodeJS.Signals | 'grace' | null;
  try {
    const opening = openDaemon({
      ...{ config, roles: options.role, log, concurrency: options.concurrency },
      http: options.http ?? config.http,
    });
    // A start waits for a Redis that goes away meanwhile, for as long as it is away: a signal counts from here on.
    const first = signals.next();
    signal = await Promise.race([first, opening.then(() => first)]);
    log.info({ signal }, 'draining');
    cut = await drain(opening, (options.grace ?? graceOf(config)) * 1_000, signals);
    if (cut !== null) log.warn({}, 'stopped before the drain was complete: what was in flight is delivered again');
    else log.info({}, 'stopped');
  } finally {
    await log.end();
  }
  // What is still open now (a child on its way out, a half-closed socket) must not keep the daemon from ending.
  process.exit(cut === null ? 0 : (cut === 'grace' ? signal : cut) === 'SIGINT' ? 130 : 143);
}

/** What cut it short: the end of the grace, or a second signal. Null when the drain came to its end. */
async function drain(
  opening: Promise<Daemon>,
  graceMs: number,
  signals: Signals,
): Promise<NodeJS.Signals | 'grace' | null> {
  const over = new AbortController();
  const stopped = opening.then((daemon) => daemon.stop()).then(() => null);
  const grace = systemClock.sleep(graceMs, over.signal).then(() => 'grace' as const);
  const cut = await Promise.race([stopped, grace, signals.next()]);
  over.abort();
  if (cut !== null) await Promise.race([opening.then((daemon) => daemon.abort()), systemClock.sleep(1_000)]);
  return cut;
}

interface Signals {
  next(): Promise<NodeJS.Signals>;
}

/** Signals in the order in which they come, also those that come while nobody waits. */
function listen(): Signals {
  const came: NodeJS.Signals[] = [];
  let wake: (() => void) | null = null;
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      came.push(name);
      wake?.();
    });
  }
  return {
    async next() {
      while (came.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return came.shift()!;
    },
  };
}

function graceOf(config: Config): number {
  return Math.max(0, ...[...config.functions.values()].map((f) => f.timeout)) + GRACE_BEYOND_TIMEOUT_S;
}

function roles(text: string): readonly Role[] {
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (name !== 'poller' && name !== 'executor') throw new InvalidArgumentError('The roles are poller and executor.');
  }
  return [...new Set(names as Role[])];
}

function level(text: string): LogLevel {
  if (text !== 'debug' && text !== 'info' && text !== 'warn' && text !== 'error') {
    throw new InvalidArgumentError('The levels are debug, info, warn and error.');
  }
  return text;
}

function positive(text: string): number {
  const n = Number(text);
  if (!/^\d{1,5}$/.test(text) || n < 1) throw new InvalidArgumentError('Give a whole number from 1 to 99999.');
  return n;
}
