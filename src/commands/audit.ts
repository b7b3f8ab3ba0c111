/** `millrace audit`: who did what to the mappings, and which configurations were put in force. */
import { Command } from 'commander';
import { type AuditEntry, readAudit } from '../observe/audit.ts';
import { AUDIT_ENTRIES_MAX } from '../operator-limits.ts';
import { addTargetOptions, TARGET_HELP, type TargetOptions, withRedis } from './stream-target.ts';

const HELP = `
  $ millrace audit                                      one line each, the oldest first
  $ millrace audit --mapping clicks --json | jq '.[-1]'

Entries are of mapping pause, resume, rewind, skip, apply and forget, of failures redrive, of daemons that registered
a mapping with another configuration than the one before, and of offsets that somebody set for a Kafka group. The last
${AUDIT_ENTRIES_MAX} are kept, in the stream NAMESPACE:audit. \`who\` is the user of the system that ran the command, so it is as
good as the access to the hosts and to this Redis.
${TARGET_HELP}`;

interface Options extends TargetOptions {
  readonly json: boolean;
  readonly mapping?: string;
}

export function auditCommand(): Command {
  return addTargetOptions(new Command('audit'))
    .description('Show who acted on the mappings: when, from where, with which command.')
    .option('--mapping <NAME>', 'only what was done to this mapping')
    .option('--json', 'as a JSON list', false)
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      const all = await withRedis(options, { writes: false }, readAudit);
      const { mapping } = options;
      const entries = mapping === undefined ? all : all.filter((entry) => entry.mapping === mapping);
      process.stdout.write(options.json ? `${JSON.stringify(entries, null, 2)}\n` : entries.map(lineOf).join(''));
    });
}

function lineOf({ time, who, host, command, mapping, shard, detail }: AuditEntry): string {
  const on = [mapping, shard].filter((name) => name !== null).join('/');
  return `${[time, `${who}@${host}`, command, on, detail].filter((word) => word !== '').join('  ')}\n`;
}
