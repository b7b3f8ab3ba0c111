/** `millrace failures list`: what did not succeed (contract.md, "Acting on a running system"). */
import { Command } from 'commander';
import { type Failure, type ReadNotice, summaryOf } from '../failure/read-notice.ts';
import { lineRedactor, textRedactor } from '../observe/redact.ts';
import { type NoticePlace, ticketName } from '../redrive-line.ts';
import {
  destinationsOf,
  eachNotice,
  type FailuresPlace,
  mappingsNamed,
  withFailures,
} from './failures-destinations.ts';
import { ticketsOf } from './redrive-plan.ts';
import { formatTable } from './failures-table.ts';

const HELP = `
Conditions
  RetryAttemptsExhausted   the last of its attempts failed (maximumRetryAttempts)
  RecordAgeExceeded        it was older than maximumRecordAgeInSeconds, or failed until it was 24 hours old
  SkippedByOperator        somebody skipped it
  SourceGap                the source lost records before they were read; such a notice has no payload

  $ millrace failures list
  $ millrace failures list --mapping clicks --json | jq -r '.[].error.errorMessage' | sort | uniq -c

The notices are read where destinationConfig.onFailure of each mapping says; daemons need not run. Those of a topic have
ids like 0:15, partition and offset.`;

interface Options {
  readonly config: string;
  readonly mapping?: string;
  readonly json: boolean;
}

export function failuresListCommand(): Command {
  return new Command('list')
    .description('List the notices of records that did not succeed, oldest first.')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--mapping <NAME>', 'only those of this mapping')
    .option('--json', 'machine-readable', false)
    .addHelpText('after', HELP)
    .action(list);
}

async function list({ config: path, mapping: wanted, json }: Options): Promise<void> {
  await withFailures(path, async (place) => {
    const mappings = mappingsNamed(place.config, wanted);
    const failures: Failure[] = [];
    for (const destination of destinationsOf(mappings, place.keys)) {
      const there: Failure[] = [];
      const take = (notice: ReadNotice) => {
        if (wanted === undefined || notice.mapping === wanted) there.push(summaryOf(notice));
      };
      await eachNotice(place, destination, take, (text) => process.stderr.write(`millrace: ${text}\n`));
      failures.push(...(await notRedriven(place, destination, there)));
    }
    // Stable: what was written at one moment stays in its order.
    failures.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    const text = json ? `${JSON.stringify(failures, null, 2)}\n` : formatTable(failures);
    // What a handler threw may be anything.
    process.stdout.write(withoutSecrets(text, json, place.config.secrets));
  });
}

/** A topic keeps what succeeded since. */
async function notRedriven(place: FailuresPlace, destination: NoticePlace, there: readonly Failure[]) {
  if (destination.kind !== 'kafka-topic') return there;
  const done = new Set<Failure>();
  for (const mapping of new Set(there.map((failure) => failure.mapping))) {
    const own = there.filter((failure) => failure.mapping === mapping);
    const names = own.map(({ id }) => ticketName(destination, id));
    const tickets = await ticketsOf(place, mapping, names);
    own.forEach((failure, i) => tickets.get(names[i]!)?.state === 'done' && done.add(failure));
  }
  return there.filter((failure) => !done.has(failure));
}

function withoutSecrets(text: string, json: boolean, secrets: readonly string[]): string {
  return json ? lineRedactor(secrets)(text) : textRedactor(secrets)(text);
}
