/** `millrace failures show ID`: one notice, with error and event. */
import { Command } from 'commander';
import { MillraceError } from '../errors.ts';
import { type ReadNotice, summaryOf } from '../failure/read-notice.ts';
import { lineRedactor, textRedactor } from '../observe/redact.ts';
import {
  destinationsOf,
  type FailuresPlace,
  findNotice,
  mappingsNamed,
  withFailures,
} from './failures-destinations.ts';
import { formatFailure } from './failures-table.ts';

const HELP = `
  $ millrace failures show 1732370000000-0
  $ millrace failures show 1732370000000-0 --json | jq '.notice.payload | fromjson'
  $ millrace failures show 1732370000000-0 --json | jq -r .notice.payload | millrace invoke deliver --event -

With --json: what the list says of it, and "notice", as it stands in the failure stream. Its payload is the event that
the function got, as JSON text; records that the source lost have none.`;

interface Options {
  readonly config: string;
  readonly mapping?: string;
  readonly json: boolean;
}

export function failuresShowCommand(): Command {
  return new Command('show')
    .description('Show one notice: what happened, to which records, and the event.')
    .argument('<ID>', 'as `failures list` has it')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--mapping <NAME>', 'look only where the notices of this mapping are')
    .option('--json', 'machine-readable', false)
    .addHelpText('after', HELP)
    .action((id: string, options: Options) => show(id, options));
}

async function show(id: string, { config: path, mapping, json }: Options): Promise<void> {
  await withFailures(path, async (place) => {
    const notice = await onlyOne(place, id, mapping);
    const { secrets } = place.config;
    if (json) {
      const text = JSON.stringify({ ...summaryOf(notice), notice: notice.notice }, null, 2);
      process.stdout.write(`${lineRedactor(secrets)(text).trimEnd()}\n`);
    } else process.stdout.write(textRedactor(secrets)(formatFailure(notice)));
  });
}

/** @throws MillraceError `failure-not-found`, `failure-ambiguous` */
async function onlyOne(place: FailuresPlace, id: string, mapping: string | undefined): Promise<ReadNotice> {
  const remark = (text: string) => void process.stderr.write(`millrace: ${text}\n`);
  const found: ReadNotice[] = [];
  for (const destination of destinationsOf(mappingsNamed(place.config, mapping), place.keys)) {
    const notice = await findNotice(place, destination, id, remark);
    if (notice && (mapping === undefined || notice.mapping === mapping)) found.push(notice);
  }
  const [first, second] = found;
  if (!first) {
    throw new MillraceError('failure-not-found', `there is no failure ${id}`, {
      hint: 'millrace failures list has the ids; the failure stream of a mapping keeps a notice for 14 days',
    });
  }
  if (second) {
    throw new MillraceError('failure-ambiguous', `${id} is a failure of ${first.mapping} and of ${second.mapping}`, {
      hint: 'say which with --mapping',
    });
  }
  return first;
}
