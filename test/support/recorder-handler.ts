/**
 * For handlers under test; bundled into them, so it uses what an isolate has and nothing else. Lines go through `fetch` and thereby
 * through Millrace's egress gateway, which adds mapping, shard, epoch and request id; a 409 means that the sink knows a newer epoch.
 */
interface KinesisEvent {
  readonly Records: readonly { readonly kinesis: { readonly sequenceNumber: string } }[];
}

interface MillraceContext {
  readonly awsRequestId: string;
  readonly millrace: { readonly attempt: number; readonly epoch: string };
}

export interface HandlerRecorder {
  start(): Promise<void>;
  effect(positions?: readonly string[]): Promise<void>;
  success(positions?: readonly string[]): Promise<void>;
  /** All positions that the outcome will not settle: of the whole unit after a throw, from the first reported one on after a partial response. */
  failure(positions?: readonly string[]): Promise<void>;
  readonly positions: readonly string[];
}

/** `positionOf`: what the history calls the record with that index; else by its sequence number. */
export function recorderFor(
  url: string,
  event: KinesisEvent,
  context: MillraceContext,
  positionOf: (index: number) => string = (index) => event.Records[index]!.kinesis.sequenceNumber,
): HandlerRecorder {
  const all = event.Records.map((_, index) => positionOf(index));
  const send = async (kind: string, positions: readonly string[]): Promise<void> => {
    if (positions.length === 0) return;
    const line = { kind, positions, attempt: context.millrace.attempt };
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(line) });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`recorder: ${response.status} ${text}`);
  };
  return {
    positions: all,
    start: () => send('start', all),
    effect: (positions = all) => send('effect', positions),
    success: (positions = all) => send('success', positions),
    failure: (positions = all) => send('failure', positions),
  };
}
