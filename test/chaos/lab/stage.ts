/**
 * The later stages of a pipeline under test: hand each record on, some of them slowly and some at the second try. Bundled into an isolate, so
 * it uses what an isolate has and nothing else.
 */
interface StageEvent {
  readonly Records: readonly { readonly kinesis: { readonly sequenceNumber: string; readonly data: string } }[];
}

interface StageContext {
  readonly millrace: { readonly attempt: number };
}

/** One in so many records makes more entries than one script may append, so that these are staged. */
const MANY_ONE_IN = 40;
const MANY = 1_100;

/** How many entries a record makes: known by its number alone, so that the checker knows it as well. */
export function entriesOf(sequenceNumber: string, fansOut: boolean): number {
  return fansOut && spread(sequenceNumber, MANY_ONE_IN) === 0 ? MANY : 1;
}

/** A number below `n` that looks random and is not. */
function spread(sequenceNumber: string, n: number): number {
  let sum = 0;
  for (let i = 0; i < sequenceNumber.length; i++) sum = (sum * 31 + sequenceNumber.charCodeAt(i)) % 1_000_003;
  return sum % n;
}

export function outputOf(records: StageEvent['Records'], fansOut: boolean): object[] {
  return records.flatMap(({ kinesis: { sequenceNumber } }) =>
    Array.from({ length: entriesOf(sequenceNumber, fansOut) }, () => ({
      itemIdentifier: sequenceNumber,
      partitionKey: `k${spread(sequenceNumber, 7)}`,
      data: {},
    })),
  );
}

export async function stage({ Records }: StageEvent, { millrace }: StageContext): Promise<object> {
  await new Promise((resolve) => setTimeout(resolve, 5 + spread(Records[0]!.kinesis.sequenceNumber, 60)));
  const bad = Records.findIndex(({ kinesis }) => spread(kinesis.sequenceNumber, 50) === 1);
  if (millrace.attempt > 1 || bad < 0) return { output: outputOf(Records, process.env['FANS_OUT'] === '1') };
  if (bad === 0) throw new Error('fails at its first delivery');
  const output = outputOf(Records, process.env['FANS_OUT'] === '1');
  return { output, batchItemFailures: [{ itemIdentifier: Records[bad]!.kinesis.sequenceNumber }] };
}
