/** `millrace invoke FUNCTION`: one event through the same sandbox (contract.md, "millrace invoke"). */
import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import { cacheDirOf } from '../daemon/functions.ts';
import { openSandbox } from '../daemon/open-daemon.ts';
import { MillraceError } from '../errors.ts';
import { loadFunction } from '../function/load.ts';
import { didYouMean } from '../mapping/did-you-mean.ts';
import { requireConfig } from '../mapping/require-config.ts';
import type { Config, FunctionConfig, MappingConfig } from '../mapping/types.ts';
import { silentLog } from '../observe/log.ts';
import { PlatformLines, errorLine } from '../observe/platform-lines.ts';
import type { HandlerLogLine, InvocationContext, Sandbox } from '../sandbox/types.ts';
import { type EventOptions, eventOf } from './invoke-event.ts';
import { wholeNumber } from './stream-target.ts';

export interface InvokeOptions extends EventOptions {
  readonly config: string;
  readonly mapping?: string;
  readonly printEvent?: boolean;
}

export interface InvokeDependencies {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly openSandbox: (cacheDir: string) => Promise<Sandbox>;
}

const HELP = `
The result goes to standard output as JSON; the function's log and a REPORT line go to standard error.
A function error prints {"errorType","errorMessage","trace"} instead of a result.

  $ millrace invoke enrich                              with the event {}
  $ millrace invoke enrich --event event.json | jq .
  $ echo '{"Records":[]}' | millrace invoke enrich --event -

With --sample the event is made as AWS makes it: kinesis, dynamodb, kafka, msk, s3, sqs or sns. One line of data is one
record (a JSON document over several lines is one, too); for dynamodb a line is an item, or {"OldImage","NewImage"}, for
s3 the key of an object.

  $ millrace invoke enrich --sample kinesis --data '{"user":"ada"}' --key user
  $ millrace invoke enrich --sample dynamodb --key id --event - < items.ndjson
  $ millrace invoke enrich --sample s3 --data 'photos/a b.jpg' --print-event

Exit codes: 0 a result, 1 a function error or a wrong event, 2 the sandbox could not run.`;

export function invokeCommand(): Command {
  return new Command('invoke')
    .description('Run one event through the sandbox; print the result, the log, duration and memory.')
    .argument('<FUNCTION>', 'a function of the configuration')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--event <FILE>', 'JSON file with the event, - for standard input (default: {})')
    .option('--sample <KIND>', 'make an event of this source from the data of --event or --data')
    .option('--data <TEXT>', 'data of one record; may be repeated', collect)
    .option('--key <FIELD>', 'with --sample: the field of JSON data that is its key; repeated for a range key', collect)
    .option('--partitions <N>', 'with --sample kafka or msk: partitions that keys are spread over', wholeNumber)
    .option('--print-event', 'print the event and run nothing', false)
    .option('--mapping <NAME>', 'as this mapping would: its name in context.millrace and in outgoing requests')
    .addHelpText('after', HELP)
    .action(async (name: string, options: InvokeOptions) => {
      process.exitCode = await invoke(name, options, {
        env: process.env,
        stdin: process.stdin,
        stdout: (text) => process.stdout.write(text),
        stderr: (text) => process.stderr.write(text),
        openSandbox: (cacheDir) => openSandbox(cacheDir, silentLog),
      });
    });
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Answers 0 for a result and 1 for a function error. Rejects with a MillraceError for everything else. */
export async function invoke(name: string, options: InvokeOptions, dependencies: InvokeDependencies): Promise<0 | 1> {
  const config = requireConfig(options.config, dependencies.env);
  const fn = functionOf(name, config);
  const mapping = mappingOf(fn, options.mapping, config);
  const event = await eventOf(options, { stdin: dependencies.stdin, nowMs: Date.now(), mapping });
  if (options.printEvent === true) {
    dependencies.stdout(`${event}\n`);
    return 0;
  }
  const context = contextOf(event, mapping);
  const cacheDir = cacheDirOf(config, dependencies.env);
  const version = await loadFunction(fn, cacheDir);
  const sandbox = await dependencies.openSandbox(cacheDir);
  const { hash, memorySizeMb, timeoutMs } = version;
  const facts = { requestId: context.requestId, version: hash, memorySizeMb, timeoutMs };
  const platform = new PlatformLines(facts, (line) => dependencies.stderr(`${line}\n`));
  try {
    const bytes = Buffer.from(event);
    const outcome = await sandbox.invoke({
      version,
      event: bytes,
      ascii: bytes.length === event.length,
      context,
      lease: null,
      log: (line) => dependencies.stderr(logText(line)),
      phase: (phase) => platform.phase(phase),
    });
    if (outcome.kind === 'function-error' && outcome.metric === 'error') {
      platform.phase('invoke');
      dependencies.stderr(`${errorLine(context.requestId, new Date().toISOString(), outcome.error)}\n`);
    }
    platform.end(outcome, Date.now());
    if (outcome.kind === 'infrastructure') {
      throw new MillraceError('sandbox-failed', `the sandbox did not run: ${outcome.reason}`);
    }
    dependencies.stdout(outcome.kind === 'ok' ? `${outcome.result}\n` : `${JSON.stringify(outcome.error)}\n`);
    return outcome.kind === 'ok' ? 0 : 1;
  } finally {
    await sandbox.close();
  }
}

function functionOf(name: string, config: Config): FunctionConfig {
  const fn = config.functions.get(name);
  if (fn !== undefined) return fn;
  const names = [...config.functions.keys()];
  const meant = didYouMean(name, names);
  const hint = meant === undefined ? `there are: ${names.join(', ') || 'none'}` : `did you mean ${meant}?`;
  throw new MillraceError('function-unknown', `the configuration has no function ${JSON.stringify(name)}`, { hint });
}

function mappingOf(fn: FunctionConfig, mapping: string | undefined, config: Config): MappingConfig | undefined {
  if (mapping === undefined) return undefined;
  const found = config.mappings.get(mapping);
  if (found === undefined) {
    throw new MillraceError('usage', `the configuration has no mapping ${JSON.stringify(mapping)}`);
  }
  if (found.function !== fn.name) {
    throw new MillraceError('usage', `the mapping ${mapping} runs the function ${found.function}, not ${fn.name}`);
  }
  return found;
}

/** With a mapping: what its first delivery of the event's records would say. Epoch 0 is older than any real one. */
function contextOf(event: string, mapping: MappingConfig | undefined): InvocationContext {
  const requestId = randomUUID();
  if (mapping === undefined) return { requestId };
  const numbers = sequenceNumbers(JSON.parse(event));
  return {
    requestId,
    mapping: {
      name: mapping.name,
      shardId: 'shardId-000000000000',
      epoch: '0'.repeat(16),
      attempt: 1,
      firstSequenceNumber: numbers.at(0) ?? '0',
      lastSequenceNumber: numbers.at(-1) ?? '0',
    },
  };
}

function sequenceNumbers(event: unknown): string[] {
  const records = (event as { Records?: unknown } | null)?.Records;
  if (!Array.isArray(records)) return [];
  return records.flatMap((record: { kinesis?: { sequenceNumber?: unknown } } | null) => {
    const number = record?.kinesis?.sequenceNumber;
    return typeof number === 'string' ? [number] : [];
  });
}

function logText({ level, text, requestId }: HandlerLogLine): string {
  return `${new Date().toISOString()}\t${requestId}\t${level.toUpperCase()}\t${text}\n`;
}
