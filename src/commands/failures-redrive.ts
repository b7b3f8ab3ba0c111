/** `millrace failures redrive`: puts what did not succeed through its mapping again (contract.md, "Acting on a running system"). */
import { Command } from 'commander';
import { MillraceError } from '../errors.ts';
import { REDRIVE_TEXT_BYTES } from '../failure-limits.ts';
import { audit } from '../observe/audit.ts';
import { textRedactor } from '../observe/redact.ts';
import type { MappingConfig } from '../mapping/types.ts';
import { type FailuresPlace, mappingsNamed, withFailures } from './failures-destinations.ts';
import { enqueue } from './redrive-enqueue.ts';
import { follow, type Outcome } from './redrive-follow.ts';
import { type Plan, planRedrive, type Planned } from './redrive-plan.ts';
import { count, firstLine } from './status-words.ts';

const HELP = `
  $ millrace failures redrive --mapping clicks                      how many records would run again
  $ millrace failures redrive --mapping clicks --yes                all of them
  $ millrace failures redrive --mapping clicks --yes 1732370000000-0 1732370000050-0

The daemons run them: beside the live records, each shard's in their order, with the mapping's own retries, and their
age counted from now. A unit that fails again holds back what was redriven behind it on its shard until it succeeds or
is given up. A notice goes when its records succeeded; one that fails again stays.

The command waits until everything succeeded or was given up again, or only waits for what keeps failing. When it is
interrupted the daemons go on; what it had not put back yet stays where it is, and the same command goes on with it.

A mapping with a tumbling window needs --as-window: each notice is then a window of its own, apart from the live ones,
that begins with the state {} and ends with a final invocation once its records succeeded. The notice goes after that one.

With --json: { "redriven", "succeeded", "failedAgain" }, in records. Exit codes: 0 done, also when something failed
again; 1 wrong input, or without --yes; 2 a server does not answer, or refuses what a run needs; 130/143 interrupted.`;

interface Options {
  readonly config: string;
  readonly mapping: string;
  readonly yes?: boolean;
  readonly asWindow?: boolean;
  readonly json: boolean;
}

export function failuresRedriveCommand(): Command {
  return new Command('redrive')
    .description('Run records that did not succeed through their mapping again.')
    .argument('[ID...]', 'as `failures list` has them; none: all of the mapping’s')
    .requiredOption('--mapping <NAME>', 'whose failures')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--yes', 'do it; without it, say what would run')
    .option('--as-window', 'each notice as a window of its own: for mappings with a tumbling window')
    .option('--json', 'machine-readable', false)
    .addHelpText('after', HELP)
    .action((ids: string[], options: Options) => redrive(ids, options));
}

const remark = (text: string) => void process.stderr.write(`millrace: ${text}\n`);

async function redrive(ids: readonly string[], options: Options): Promise<void> {
  await withFailures(options.config, async (place) => {
    const [mapping] = mappingsNamed(place.config, options.mapping);
    checkWindows(mapping!, options);
    const plan = await planRedrive(place, mapping!, ids, remark);
    if (plan.refused.length > 0)
      remark(
        `${count(plan.refused.length, 'notice')} left out, ${plan.refused[0]!.id} for one: ${plan.refused[0]!.why}`,
      );
    if (!options.yes) {
      const { notices } = plan;
      process.stdout.write(
        `would run ${contentsOf(notices)} of ${count(notices.length, 'notice')} again; repeat with --yes to do it.\n`,
      );
      process.exitCode = 1;
      return;
    }
    await run(place, options, plan);
  });
}

function checkWindows({ name, pinned }: MappingConfig, { asWindow = false }: Options): void {
  const windowed = Boolean(pinned['tumblingWindowInSeconds']);
  if (windowed === asWindow) return;
  if (!windowed)
    throw new MillraceError('redrive-refused', `mapping ${name} has no tumbling window`, {
      hint: 'leave out --as-window',
    });
  const why = 'its windows are over, and what was added up of them went on without these records';
  throw new MillraceError('redrive-refused', `mapping ${name} has a tumbling window: ${why}`, {
    hint: '--as-window runs each notice as a window of its own, with a final invocation: your sink has to add the two up',
  });
}

async function run(place: FailuresPlace, { mapping, json }: Options, plan: Plan): Promise<void> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    process.exitCode = signal === 'SIGINT' ? 130 : 143;
    stop.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const { redis, keys } = place;
  const detail = `${contentsOf(plan.notices)} of ${count(plan.notices.length, 'notice')}`;
  // Before it begins: it may end halfway.
  if (plan.notices.length > 0) await audit(redis, keys, { command: 'failures redrive', mapping, detail });
  const ours: Planned[] = [];
  const outcomes: Outcome[] = [];
  try {
    for (const portion of portions(plan.notices)) {
      const put = await enqueue(place, mapping, portion, remark);
      ours.push(...put);
      const before = portion.length - put.length;
      if (before > 0) remark(`${count(before, 'notice')} ${before === 1 ? 'is' : 'are'} being redriven already`);
      const followed = await follow(place, mapping, portion, stop.signal, progressOf(portion));
      outcomes.push(...followed.outcomes);
      for (const refusal of followed.refusals) remark(`${refusal}; the daemons go on when that is mended`);
      if (followed.refusals.length > 0) process.exitCode ??= 2;
      if (followed.nobody) remark(`no daemon serves ${mapping}: its notices run when one does`);
      if (followed.outcomes.some(({ kind }) => kind === 'held')) break;
    }
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
  const put = new Set(ours);
  report(
    place,
    outcomes.filter(({ planned }) => put.has(planned)),
    json,
  );
}

/** What another system holds is brought to Redis bit by bit; what a Redis stream holds needs no room. */
function portions(notices: readonly Planned[]): Planned[][] {
  const found: Planned[][] = [[]];
  let bytes = 0;
  for (const notice of notices) {
    bytes += notice.bytes;
    if (bytes > REDRIVE_TEXT_BYTES && found.at(-1)!.length > 0) {
      found.push([]);
      ({ bytes } = notice);
    }
    found.at(-1)!.push(notice);
  }
  return found.filter((portion) => portion.length > 0);
}

function progressOf(notices: readonly Planned[]): (ended: number) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (ended) =>
    void process.stderr.write(
      `\r${ended} of ${count(notices.length, 'notice')}${ended === notices.length ? '\n' : ''}`,
    );
}

function report({ config }: FailuresPlace, outcomes: readonly Outcome[], json: boolean): void {
  const redriven = outcomes.reduce((sum, { planned }) => sum + planned.records, 0);
  const failedAgain = outcomes.reduce((sum, { failed }) => sum + failed, 0);
  const ended = outcomes.filter(({ kind }) => kind === 'succeeded' || kind === 'failed');
  const succeeded = ended.reduce((sum, { planned, failed }) => sum + planned.records - failed, 0);
  const redact = textRedactor(config.secrets);
  for (const { planned, error } of outcomes.filter(failedAgainIn))
    remark(redact(`${planned.id} (${planned.shardId}) failed again: ${firstLine(error ?? 'it was given up untried')}`));
  const held = outcomes.filter((one) => one.kind === 'held' && !failedAgainIn(one));
  if (held.length > 0)
    remark(`${count(held.length, 'notice')} wait for their turn; the daemons go on with them (millrace status)`);
  const gone = outcomes.filter(({ kind }) => kind === 'gone');
  if (gone.length > 0)
    remark(`${count(gone.length, 'notice')} had gone when their turn came, ${gone[0]!.planned.id} for one`);
  const ends = outcomes.filter(({ planned }) => planned.records === 0);
  const finalInvocations = {
    redriven: ends.length,
    succeeded: ends.filter(({ kind }) => kind === 'succeeded').length,
    failedAgain: ends.filter(failedAgainIn).length,
  };
  const counts = { redriven, succeeded, failedAgain };
  if (json) process.stdout.write(`${JSON.stringify(ends.length > 0 ? { ...counts, finalInvocations } : counts)}\n`);
  else
    process.stdout.write(
      outcomeLine('record', counts) + (ends.length > 0 ? outcomeLine('final invocation', finalInvocations) : ''),
    );
}

interface Counts {
  readonly redriven: number;
  readonly succeeded: number;
  readonly failedAgain: number;
}

function outcomeLine(what: string, { redriven, succeeded, failedAgain }: Counts): string {
  return `${count(redriven, what)} redriven: ${succeeded} succeeded, ${failedAgain} failed again.\n`;
}

/** A final invocation has no records that could be counted. */
function failedAgainIn({ kind, error }: Outcome): boolean {
  return kind === 'failed' || error !== null;
}

function contentsOf(notices: readonly Planned[]): string {
  const records = notices.reduce((sum, one) => sum + one.records, 0);
  const ends = notices.filter((one) => one.records === 0).length;
  return ends === 0 ? count(records, 'record') : `${count(records, 'record')} and ${count(ends, 'final invocation')}`;
}
