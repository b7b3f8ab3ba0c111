/**
 * The function of a mapping with tumbling windows under test: adds up what its records are worth, some of them slowly, some at the second try, and
 * now and then with a state that is too large. Bundled into an isolate, so it uses what an isolate has and nothing else.
 */
interface Sum {
  readonly records: number;
  readonly sum: number;
}

interface WindowEvent {
  readonly Records: readonly { readonly kinesis: { readonly sequenceNumber: string } }[];
  readonly state: Partial<Sum>;
  readonly shardId: string;
  readonly isFinalInvokeForWindow: boolean;
}

interface WindowContext {
  readonly millrace: { readonly attempt: number };
}

const TOO_LARGE = 1_100_000;
const TOO_LARGE_ONE_IN = 150;

/** What a record is worth: known by its number alone, so that the checker knows it as well. */
export function valueOf(sequenceNumber: string): number {
  let value = 0;
  for (let i = 0; i < sequenceNumber.length; i++) value = (value * 31 + sequenceNumber.charCodeAt(i)) % 1_000_003;
  return value;
}

export async function sums(event: WindowEvent, { millrace: { attempt } }: WindowContext): Promise<object> {
  const { Records, state, shardId } = event;
  const names = Records.map(({ kinesis }) => kinesis.sequenceNumber);
  const { records = 0, sum = 0 } = state;
  await new Promise((resolve) => setTimeout(resolve, 5 + (valueOf(names[0] ?? shardId) % 60)));
  if (event.isFinalInvokeForWindow) {
    if (attempt === 1 && sum % 20 === 0) throw new Error('a final invocation fails at its first delivery');
    return { output: [{ partitionKey: shardId, data: { records, sum } }] };
  }
  const bad = attempt > 1 ? -1 : names.findIndex((name) => valueOf(name) % 50 === 1);
  if (bad === 0) throw new Error('fails at its first delivery');
  const done = bad < 0 ? names : names.slice(0, bad);
  const after = { records: records + done.length, sum: done.reduce((all, name) => all + valueOf(name), sum) };
  const large = done.some((name) => valueOf(name) % TOO_LARGE_ONE_IN === 2);
  return {
    state: large ? { ...after, waste: 'x'.repeat(TOO_LARGE) } : after,
    batchItemFailures: bad < 0 ? [] : [{ itemIdentifier: names[bad] }],
  };
}
