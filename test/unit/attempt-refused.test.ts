/** A function that failed because its requests were not let out, the lease being unsure, has not failed by itself (P3). */
import { expect, test } from 'vitest';
import type { Sandbox } from '../../src/sandbox/types.ts';
import { attempt } from '../../src/turn/attempt.ts';

type Args = Parameters<typeof attempt>;

const unit = { first: '1-0', last: '1-0', count: 1, requestId: 'r', deliveries: 1 } as unknown as Args[3];
const settings = { version: { name: 'f', hash: 'h'.repeat(64) } } as unknown as Args[1];
const event = { count: 1, event: Buffer.from('{}'), ascii: true } as unknown as Args[4];
const report = { durationMs: 1, maxMemoryUsedMb: 1 };
const error = { errorType: 'TypeError', errorMessage: 'fetch failed', trace: [] };

/** A function that makes a request and fails when it is not sent, or succeeds all the same, or fails in any case. */
const asking = (is: 'failing' | 'catching' | 'wrong'): Pick<Sandbox, 'invoke'> => ({
  async invoke({ lease }) {
    const sent = (await lease!.confirm()) && lease!.held();
    if (is === 'wrong' || (!sent && is === 'failing'))
      return { kind: 'function-error', metric: 'error', error, report };
    return { kind: 'ok', result: 'null', report };
  },
});

async function outcomeOf(lease: Partial<Args[5]>, is: 'failing' | 'catching' | 'wrong'): Promise<unknown> {
  const silent = { error: () => undefined } as unknown as Args[0]['log'];
  const deps = { sandbox: asking(is) as Sandbox, log: silent, handlerLog: () => () => undefined };
  const whole = { epoch: '1', confirm: () => Promise.resolve(true), held: () => true, ...lease };
  return (await attempt(deps, settings, { mapping: 'm', shardId: 's' }, unit, event, whole)).outcome;
}

test.each([
  ['Redis did not say in time', { confirm: () => Promise.resolve(false) }],
  ['Redis could not be asked', { confirm: () => Promise.reject(new Error('cut')) }],
  ['the lock may have ended', { held: () => false }],
])('%s: an attempt that fails then is not the failure of the function', async (_why, lease) => {
  expect(await outcomeOf(lease, 'failing')).toMatchObject({ kind: 'infrastructure' });
  expect(await outcomeOf(lease, 'catching')).toMatchObject({ kind: 'returned' });
});

test('a function that fails although its requests were sent has failed', async () => {
  expect(await outcomeOf({}, 'wrong')).toMatchObject({ kind: 'failed' });
});
