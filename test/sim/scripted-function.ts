/** The sandbox of a simulated daemon: the event is the real one, what becomes of it the seed decides, and the recorder hears of it. */
import { eventOf } from '../../src/sandbox/isolate/event.ts';
import type { InvokeOutcome, InvokeRequest, Sandbox } from '../../src/sandbox/types.ts';
import type { DaemonProcess } from './daemon-process.ts';
import type { History } from './history.ts';

export interface FunctionHabits {
  readonly fails: number;
  readonly partial: number;
  readonly dies: number;
  readonly away: number;
  /** ms of a run; sometimes longer than a lease. */
  readonly slow: number;
  /** Records that make every run fail. */
  readonly poison: ReadonlySet<string>;
  readonly reports: boolean;
}

const INVOKE = 'sandbox invoke';
const REPORT = { durationMs: 0, maxMemoryUsedMb: 0 };

const failed = (metric: 'error' | 'timeout' | 'killed'): InvokeOutcome => ({
  ...{ kind: 'function-error', metric, report: REPORT },
  error: { errorType: metric === 'error' ? 'Error' : 'Runtime.ExitError', errorMessage: 'no', trace: [] },
});
const returned = (value: unknown): InvokeOutcome => ({ kind: 'ok', result: JSON.stringify(value), report: REPORT });

export function scriptedSandbox(daemon: DaemonProcess, history: History, habits: FunctionHabits): Sandbox {
  return {
    async invoke(request) {
      await daemon.pass(INVOKE, 'before');
      const outcome = await invoke(daemon, history, habits, request);
      await daemon.pass(INVOKE, 'after');
      return outcome;
    },
    holdOffMs: () => 0,
    stats: () => [],
    reserve: () => ({ processes: 0, rssBytes: 0 }),
    close: () => Promise.resolve(),
  };
}

async function invoke(
  daemon: DaemonProcess,
  history: History,
  habits: FunctionHabits,
  { event, columns, context, lease }: InvokeRequest,
): Promise<InvokeOutcome> {
  const { random } = daemon.world;
  if (random.chance(habits.away)) return { kind: 'infrastructure', reason: 'no child came free' };
  const { Records } = eventOf(event.toString('utf8'), columns ?? null) as {
    Records: readonly { readonly kinesis: { readonly sequenceNumber: string } }[];
  };
  const positions = Records.map(({ kinesis }) => kinesis.sequenceNumber);
  const { requestId } = context;
  const { attempt } = context.mapping!;
  const about = { shard: history.shard, requestId, attempt, epoch: lease!.epoch };
  /** An outgoing request of the handler: through the gateway, which asks for the lease, to the recorder. */
  const say = async (kind: 'start' | 'success' | 'failure', which: readonly string[]): Promise<boolean> => {
    if (which.length === 0) return true;
    if (!lease!.held() || !(await lease!.confirm().catch(() => false)) || !lease!.held()) return false;
    return history.attempt({ kind, positions: which, ...about });
  };
  await daemon.hear(daemon.world.some(0.1, 5), () => undefined);
  if (!(await say('start', positions))) return failed('error');
  const slow = random.chance(habits.slow);
  await daemon.hear(slow ? daemon.world.some(500, 7_000) : daemon.world.some(0.2, 60), () => undefined);
  const bad = positions.findIndex((position) => habits.poison.has(position));
  if (random.chance(habits.dies)) {
    // The recorder knows by the child's end.
    history.attempt({ kind: 'failure', positions, ...about });
    return failed(random.pick(['timeout', 'killed']));
  }
  const stops = bad >= 0 ? bad : random.chance(habits.partial) ? random.between(0, positions.length - 1) : -1;
  if (habits.reports && stops >= 0) {
    const good = await say('success', positions.slice(0, stops));
    if (!good || !(await say('failure', positions.slice(stops)))) return failed('error');
    return returned({ batchItemFailures: [{ itemIdentifier: positions[stops] }] });
  }
  if (bad >= 0 || random.chance(habits.fails)) {
    await say('failure', positions);
    return failed('error');
  }
  return (await say('success', positions)) ? returned(null) : failed('error');
}
