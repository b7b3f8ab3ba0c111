/** Outcomes of invocations that found no child to run in. None of them is the function's, and none costs an attempt. */
import type { NoSlot } from './children.ts';
import type { InvokeOutcome } from './types.ts';

type Infrastructure = Extract<InvokeOutcome, { kind: 'infrastructure' }>;

export const WITHOUT_CHILD: Readonly<Record<NoSlot, Infrastructure>> = {
  closed: { kind: 'infrastructure', reason: 'the sandbox is closing' },
  taken: { kind: 'infrastructure', reason: 'no child process came free in time', throttled: true },
  slowed: { kind: 'infrastructure', reason: 'the function loses its child processes too often', throttled: true },
};
