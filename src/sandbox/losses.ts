/** Which children each function lost, and why: what `status` and the metrics tell of it. A child that nobody's code ended is in no count. */
import type { JobEnd, KillReason } from './child-process.ts';
import type { InvokeOutcome, LastLoss, LossReason } from './types.ts';

/** `loading`: it did not get as far as the handler. Null when the loss was not the function's doing. */
export function lossReason(outcome: InvokeOutcome, killedFor: KillReason, loading: boolean): LossReason | null {
  if (outcome.kind !== 'function-error') return null;
  if (outcome.metric === 'out_of_memory') return 'outOfMemory';
  if (killedFor === 'protocol') return 'protocol';
  if (loading) return 'startFailed';
  return outcome.metric === 'timeout' ? 'timeout' : 'exit';
}

/**
 * True when the loss is a sign against the function: then its next start is put off. An attempt it costs in any case, as in AWS; but SIGKILL out of
 * nothing, without a word of the process about itself, is the work of an operator, or of a system that chose among many.
 */
export function slowsDown(reason: LossReason, end: JobEnd, killedFor: KillReason): boolean {
  const fromOutside = end.kind === 'lost' && end.signal === 'SIGKILL' && end.stderr === '' && killedFor === null;
  return reason === 'outOfMemory' || !fromOutside;
}

interface OfFunction {
  readonly counts: Record<LossReason, number>;
  last: LastLoss | null;
}

export class Losses {
  readonly #byName = new Map<string, OfFunction>();

  count(name: string, loss: LastLoss): void {
    const of = this.#byName.get(name) ?? { counts: noLosses(), last: null };
    of.counts[loss.reason]++;
    of.last = loss;
    this.#byName.set(name, of);
  }

  of(name: string): { readonly lost: Readonly<Record<LossReason, number>>; readonly lastLoss: LastLoss | null } {
    const of = this.#byName.get(name);
    return { lost: of?.counts ?? noLosses(), lastLoss: of?.last ?? null };
  }
}

function noLosses(): Record<LossReason, number> {
  return { timeout: 0, outOfMemory: 0, exit: 0, protocol: 0, startFailed: 0 };
}
