/**
 * The function under test: says start, effect and success or failure to the recorder, and behaves as its records tell it to.
 * Bundled into an isolate, so it uses what an isolate has and nothing else.
 */
import { recorderFor } from '../../support/recorder-handler.ts';

/** What a record asks of the function. */
export interface Task {
  /** Milliseconds that the record takes. */
  readonly work: number;
  /** Deliveries of its unit that fail, the first ones. */
  readonly fails: number;
  /** True: the records before this one succeed meanwhile (a partial response). */
  readonly partial: boolean;
}

interface Event {
  readonly Records: readonly { readonly kinesis: { readonly sequenceNumber: string; readonly data: string } }[];
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

async function attempt(event: Event, context: Context): Promise<object> {
  const recorder = recorderFor(process.env['RECORDER']!, event, context);
  await recorder.start();
  const tasks = event.Records.map(({ kinesis }) => JSON.parse(atob(kinesis.data)) as Task);
  const work = tasks.reduce((sum, task) => sum + task.work, 0);
  await pause(work / 2);
  await recorder.effect();
  await pause(work / 2);
  const index = tasks.findIndex((task) => context.millrace.attempt <= task.fails);
  if (index < 0) {
    await recorder.success();
    return { batchItemFailures: [] };
  }
  const { positions } = recorder;
  if (index > 0 && tasks[index]!.partial) {
    await recorder.success(positions.slice(0, index));
    await recorder.failure(positions.slice(index));
    return { batchItemFailures: [{ itemIdentifier: positions[index] }] };
  }
  await recorder.failure();
  throw new Error(`record ${positions[index]} fails at delivery ${context.millrace.attempt}`);
}
