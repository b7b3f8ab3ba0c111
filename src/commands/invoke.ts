/** `millrace invoke FUNCTION`: one event through the same sandbox (contract.md, "millrace invoke"). */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import { cacheDirOf, openSandbox } from '../daemon/open-daemon.ts';
import { MillraceError } from '../errors.ts';
import { loadFunction } from '../function/load.ts';
import { EVENT_BYTES_MAX } from '../limits.ts';
import { didYouMean } from '../mapping/did-you-mean.ts';
import { requireConfig } from '../mapping/require-config.ts';
import type { Config, FunctionConfig } from '../mapping/types.ts';
import { silentLog } from '../observe/log.ts';
import type { HandlerLogLine, InvocationContext, InvokeOutcome, Sandbox } from '../sandbox/types.ts';

export interface InvokeOptions {
  readonly config: string;
  readonly event?: string;
  readonly mapping?: string;
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

Exit codes: 0 a result, 1 a function error or a wrong event, 2 the sandbox could not run.`;

export function invokeCommand(): Command {
  return new Command('invoke')
    .description('Run one event through the sandbox; print the result, the log, duration and memory.')
    .argument('<FUNCTION>', 'a function of the configuration')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--event <FILE>', 'JSON file with the event, - for standard input (default: {})')
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

/** Answers 0 for a result and 1 for a function error. Rejects with a MillraceError for everything else. */
export async function invoke(name: string, options: InvokeOptions, dependencies: InvokeDependencies): Promise<0 | 1> {
  const config = requireConfig(options.config, dependencies.env);
  const fn = functionOf(name, config);
  const event = await readEvent(options.event, dependencies.stdin);
  const context = contextOf(fn, event, options.mapping, config);
  const cacheDir = cacheDirOf(config, dependencies.env);
  const version = await loadFunction(fn, cacheDir);
  const sandbox = await dependencies.openSandbox(cacheDir);
  const { requestId } = context;
  try {
    dependencies.stderr(`START RequestId: ${requestId} Version: ${version.hash.slice(0, 12)}\n`);
    const bytes = Buffer.from(event);
    const outcome = await sandbox.invoke({
      version,
      event: bytes,
      ascii: bytes.length === event.length,
      context,
      lease: null,
      log: (line) => dependencies.stderr(logText(line)),
    });
    if (outcome.kind === 'infrastructure') {
      throw new MillraceError('sandbox-failed', `the sandbox did not run: ${outcome.reason}`);
    }
    dependencies.stderr(`END RequestId: ${requestId}\n${reportText(requestId, fn, outcome)}\n`);
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

async function readEvent(file: string | undefined, stdin: NodeJS.ReadableStream): Promise<string> {
  if (file === undefined) return '{}';
  const from = file === '-' ? 'standard input' : file;
  const text = file === '-' ? await readAll(stdin) : await readText(file);
  if (Buffer.byteLength(text) > EVENT_BYTES_MAX) {
    throw new MillraceError('event-invalid', `the event in ${from} is larger than ${EVENT_BYTES_MAX} bytes`);
  }
  try {
    JSON.parse(text);
  } catch (error) {
    throw new MillraceError('event-invalid', `the event in ${from} is not JSON: ${(error as SyntaxError).message}`);
  }
  return text;
}

async function readText(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/^\ufeff/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MillraceError('event-invalid', `the event file ${file} cannot be read (${code ?? 'unknown error'})`);
  }
}

/** With a mapping: what its first delivery of the event's records would say. Epoch 0 is older than any real one. */
function contextOf(fn: FunctionConfig, event: string, mapping: string | undefined, config: Config): InvocationContext {
  const requestId = randomUUID();
  if (mapping === undefined) return { requestId };
  const found = config.mappings.get(mapping);
  if (found === undefined) {
    throw new MillraceError('usage', `the configuration has no mapping ${JSON.stringify(mapping)}`);
  }
  if (found.function !== fn.name) {
    throw new MillraceError('usage', `the mapping ${mapping} runs the function ${found.function}, not ${fn.name}`);
  }
  const numbers = sequenceNumbers(JSON.parse(event));
  return {
    requestId,
    mapping: {
      name: mapping,
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

/** Lambda's REPORT line (esm-semantics.md §2.14). */
function reportText(
  requestId: string,
  fn: FunctionConfig,
  outcome: Exclude<InvokeOutcome, { kind: 'infrastructure' }>,
): string {
  const { report } = outcome;
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${report.durationMs.toFixed(2)} ms`,
    `Memory Size: ${fn.memorySize} MB`,
    `Max Memory Used: ${report.maxMemoryUsedMb} MB`,
  ];
  if (report.initDurationMs !== undefined) fields.push(`Init Duration: ${report.initDurationMs.toFixed(2)} ms`);
  if (report.droppedLogLines !== undefined) fields.push(`Dropped Log Lines: ${report.droppedLogLines}`);
  if (outcome.kind === 'function-error') {
    fields.push(
      `Status: ${outcome.metric === 'timeout' ? 'timeout' : 'error'}`,
      `Error Type: ${outcome.error.errorType}`,
    );
  }
  return fields.join('\t');
}
