/**
 * The function under test: says start, effect and success or failure to the recorder, and behaves as its records tell it to.
 * Bundled into an isolate, so it uses what an isolate has and nothing else.
 */
import { recorderFor } from '../../support/recorder-handler.ts';
import { outputOf } from './stage.ts';

/** What a record asks of the function. */
export interface Task {
  /** Milliseconds that the record takes. */
  readonly work: number;
  /** Deliveries of its unit that fail, the first ones. */
  readonly fails: number;
  /** True: the records before this one succeed meanwhile (a partial response). */
  readonly partial: boolean;
  /** In a topic: what is added to the offset (topic-source.ts). */
  readonly base?: number;
}

interface Event {
  readonly Records: readonly {
    readonly eventID: string;
    readonly kinesis: { readonly sequenceNumber: string; readonly data: string };
  }[];
}

interface Context {
  readonly awsRequestId: string;
  readonly millrace: { readonly attempt: number; readonly epoch: string };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The reason of a request that failed stands in its error's cause; the daemon's log shows the message only. */
export async function handler(event: Event, context: Context): Promise<object> {
  try {
    return await attempt(event, context);
  } catch (error) {
    const { message, cause } = error as Error;
    const { code } = (cause ?? {}) as { code?: string };
    throw code === undefined ? error : new Error(`${message}: ${code}`, { cause: error });
  }
}

/** Offsets are called as the entries of their spool are, so that one checker reads the histories of both sources (topic-source.ts). */
function positionOf({ Records }: Event, tasks: readonly Task[], index: number): string {
  const { eventID, kinesis } = Records[index]!;
  const bases = process.env['SPOOLED'];
  if (bases === undefined) return kinesis.sequenceNumber;
  const shardId = eventID.slice(0, eventID.indexOf(':'));
  const added = ((JSON.parse(bases) as Record<string, number>)[shardId] ?? 0) + (tasks[index]!.base ?? 0);
  return `${Number(kinesis.sequenceNumber) + added + 1}${'0'.repeat(20)}`;
}

async function attempt(event: Event, context: Context): Promise<object> {
  const tasks = event.Records.map(({ kinesis }) => JSON.parse(atob(kinesis.data)) as Task);
  const names = event.Records.map(({ kinesis }) => kinesis.sequenceNumber);
  const recorder = recorderFor(process.env['RECORDER']!, event, context, (i) => positionOf(event, tasks, i));
  await recorder.start();
  const work = tasks.reduce((sum, task) => sum + task.work, 0);
  await pause(work / 2);
  await recorder.effect();
  await pause(work / 2);
  // For a mapping that has an output; else it means nothing.
  const output = outputOf(event.Records, false);
  const index = tasks.findIndex((task) => context.millrace.attempt <= task.fails);
  if (index < 0) {
    await recorder.success();
    return { batchItemFailures: [], output };
  }
  const { positions } = recorder;
  if (index > 0 && tasks[index]!.partial) {
    await recorder.success(positions.slice(0, index));
    await recorder.failure(positions.slice(index));
    return { batchItemFailures: [{ itemIdentifier: names[index] }], output };
  }
  await recorder.failure();
  throw new Error(`record ${positions[index]} fails at delivery ${context.millrace.attempt}`);
}
