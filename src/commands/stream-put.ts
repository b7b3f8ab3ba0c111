/** `millrace stream put NAME`: NDJSON from standard input into a stream, with an exact account of what was accepted. */
import { Command } from 'commander';
import { createProducer, type Producer, type PutReport } from '../../connectors/redis-stream/producer.ts';
import { MillraceError } from '../errors.ts';
import { PUT_ABORT_WAIT_MS, PUT_TIMEOUT_MS } from '../limits.ts';
import { checkServer, connectRedis } from '../redis/connect.ts';
import { LineSplitter, parseLine } from './stream-lines.ts';
import { startProgress } from './stream-progress.ts';
import { addTargetOptions, resolveTarget, TARGET_HELP, type TargetOptions, wholeNumber } from './stream-target.ts';

const HELP = `
Each line is one record: a JSON value, taken as it is. --partition-key names the member whose value is the record's
partition key: records of one key stay in the order of the input. Without it a sharded stream spreads the records, with
no order among them. If NAME is no sharded stream, the records go to the plain Redis stream of that name, in order.

  $ cat clicks.ndjson | millrace stream put clicks --partition-key userId
  $ millrace stream put clicks --partition-key userId < clicks.ndjson

What is accepted is always the first N records of the input, each of them once: a lost connection, a split or a merge
meanwhile neither repeats nor reorders one. It ends at the first bad line (exit 1), when Redis does not answer for
--timeout (exit 2) and on a signal (130, 143), and says how many were accepted and at which line to go on. If
Redis went away for good while records were on the way, it says from which line to which it is not known.
${TARGET_HELP}`;

interface Options extends TargetOptions {
  readonly partitionKey?: string;
  readonly timeout: number;
  readonly json: boolean;
}

export function streamPutCommand(): Command {
  return addTargetOptions(new Command('put'))
    .description('Put records into a stream: NDJSON from standard input.')
    .argument('<NAME>', 'a sharded stream, or the key of a plain one')
    .option('--partition-key <FIELD>', 'the member of each record that is its partition key')
    .option('--timeout <SECONDS>', 'how long Redis may be silent', wholeNumber, PUT_TIMEOUT_MS / 1000)
    .option('--json', 'print {"accepted","unknown","nextLine","seconds","error"} on standard output', false)
    .addHelpText('after', HELP)
    .action(put);
}

async function put(name: string, options: Options): Promise<void> {
  if (options.timeout === 0)
    throw new MillraceError('usage', '--timeout 0 would give up at once', { hint: 'write at least 1' });
  const { url, keys } = resolveTarget(options);
  const checking = await connectRedis(url, { role: 'cli' });
  await checkServer(checking).finally(() => checking.disconnect());
  const producer = await createProducer({ url, keys, stream: name, timeoutMs: options.timeout * 1000 });
  if (producer.plain)
    process.stderr.write(`${name} is no sharded stream: the records go to the plain Redis stream "${name}"\n`);
  if (process.stdin.isTTY)
    process.stderr.write('reading records from the terminal, one JSON value per line; end with Ctrl-D\n');

  const signal = watchSignals();
  const input = new Input(options.partitionKey);
  const progress = startProgress(name, 0);
  const started = performance.now();
  let error: unknown;
  try {
    await copy(producer, input, signal, (bytes) => progress.update(bytes, producer.report().accepted));
  } catch (caught) {
    error = caught;
  }
  const report = await finish(producer, error, signal);
  progress.stop();
  signal.stop();
  const account = accountOf(
    name,
    input,
    report,
    (performance.now() - started) / 1000,
    error ?? report.error,
    signal.name,
  );
  if (options.json) process.stdout.write(`${JSON.stringify(account.json)}\n`);
  else if (account.done) process.stdout.write(`${account.text}\n`);
  if (!account.done) process.stderr.write(`millrace: ${account.text}\n`);
  process.exitCode = account.exitCode;
  // Standard input may still be open, and would keep the process alive.
  process.stdin.destroy();
}

/** Lines → records, remembering which line each record came from as long as it may have to be named. */
class Input {
  readonly #splitter = new LineSplitter();
  readonly #keyField: string | undefined;
  /** Blank lines make records and lines diverge: [records before, line of the next record]. */
  #offsets: [number, number][] = [[0, 1]];
  records = 0;

  constructor(keyField: string | undefined) {
    this.#keyField = keyField;
  }

  *take(lines: Iterable<Buffer>) {
    for (const line of lines) {
      const record = parseLine(line, this.#splitter.lineNumber, this.#keyField);
      this.#splitter.lineNumber++;
      if (record) {
        this.records++;
        yield record;
      } else {
        this.#skip();
      }
    }
  }

  push(chunk: Buffer) {
    return this.take(this.#splitter.push(chunk));
  }

  end() {
    return this.take(this.#splitter.end());
  }

  /** Line of the record with this index; of the one to come, if there is none yet. */
  lineOf(record: number): number {
    const [before, line] = this.#offsets.findLast(([count]) => count <= record)!;
    return line + (record - before);
  }

  /** Forgets what only concerns records before this one. */
  forget(record: number): void {
    const at = this.#offsets.findLastIndex(([count]) => count <= record);
    if (at > 0) this.#offsets = this.#offsets.slice(at);
  }

  #skip(): void {
    const last = this.#offsets.at(-1)!;
    if (last[0] === this.records) last[1] = this.#splitter.lineNumber;
    else this.#offsets.push([this.records, this.#splitter.lineNumber]);
  }
}

interface Signals {
  readonly name: 'SIGINT' | 'SIGTERM' | undefined;
  /** Aborted by the first signal. */
  readonly aborted: AbortSignal;
  stop(): void;
}

function watchSignals(): Signals {
  const controller = new AbortController();
  let name: Signals['name'];
  const onSignal = (received: NodeJS.Signals) => {
    name ??= received as 'SIGINT' | 'SIGTERM';
    controller.abort();
    process.stdin.destroy();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  return {
    get name() {
      return name;
    },
    aborted: controller.signal,
    stop: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  };
}

/** Reads no faster than Redis takes. Throws at the first bad line, and when the producer fails. */
async function copy(
  producer: Producer,
  input: Input,
  signal: Signals,
  onBytes: (total: number) => void,
): Promise<void> {
  let bytes = 0;
  const putAll = async (records: ReturnType<Input['push']>) => {
    for (const { partitionKey, data } of records) {
      const wait = producer.put(partitionKey, data);
      if (wait) await wait;
      if (signal.aborted.aborted) return;
    }
  };
  try {
    for await (const chunk of process.stdin) {
      await putAll(input.push(chunk as Buffer));
      bytes += (chunk as Buffer).length;
      input.forget(producer.report().accepted);
      onBytes(bytes);
      if (signal.aborted.aborted) return;
    }
    await putAll(input.end());
  } catch (error) {
    // Destroying standard input, which is how a signal ends the wait for it, ends the loop with an error.
    if (!signal.aborted.aborted) throw error;
  }
}

/** A bad line does not take the good ones before it along; after a signal only what is on the way is waited for. */
async function finish(producer: Producer, error: unknown, signal: Signals): Promise<PutReport & { error?: unknown }> {
  if (signal.name) return producer.abort(PUT_ABORT_WAIT_MS);
  if (error !== undefined && !(error instanceof MillraceError && error.code === 'record-invalid')) {
    return producer.abort(PUT_ABORT_WAIT_MS);
  }
  const aborted = new Promise<'aborted'>((resolve) =>
    signal.aborted.addEventListener('abort', () => resolve('aborted')),
  );
  try {
    const done = await Promise.race([producer.close(), aborted]);
    return done === 'aborted' ? await producer.abort(PUT_ABORT_WAIT_MS) : done;
  } catch (failure) {
    return { ...(await producer.abort(0)), error: failure };
  }
}

function accountOf(
  name: string,
  input: Input,
  report: PutReport,
  seconds: number,
  error: unknown,
  signal: Signals['name'],
) {
  const { accepted, unknown } = report;
  const nextLine = input.lineOf(accepted);
  const complete = error === undefined && signal === undefined;
  const rate = Math.round(accepted / Math.max(seconds, 0.001)).toLocaleString('en-US');
  const count = `${accepted.toLocaleString('en-US')} record${accepted === 1 ? '' : 's'}`;
  if (error !== undefined && !(error instanceof MillraceError)) throw error;
  const json = {
    accepted,
    unknown,
    nextLine: complete ? null : nextLine,
    seconds: Number(seconds.toFixed(3)),
    error: error?.code ?? null,
  };
  if (complete)
    return {
      json,
      done: true,
      exitCode: 0,
      text: `${count} accepted by ${name} in ${seconds.toFixed(2)} s (${rate}/s)`,
    };

  const goOn =
    unknown === 0
      ? `to go on: tail -n +${nextLine} FILE | millrace stream put ${name} …`
      : `it is not known whether lines ${nextLine} to ${input.lineOf(accepted + unknown - 1)} were: look with millrace stream tail ${name} before you go on`;
  const why = error?.message ?? `ended by ${signal}`;
  const hint = error?.hint === undefined ? '' : `\n  ${error.hint}`;
  const exitCode = error?.exitCode ?? (signal === 'SIGINT' ? 130 : 143);
  return { json, done: false, exitCode, text: `${why}; ${count} accepted before it${hint}\n  ${goOn}` };
}
