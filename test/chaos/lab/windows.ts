/** A mapping with tumbling windows in a lab, beside the lab's own on the same stream; and its sums at the end. */
import { toSequenceNumber } from '../../../src/record.ts';
import { eventually } from '../../support/daemon.ts';
import { checkWindows, type WindowInput, type WindowSum, type WindowViolation } from '../check-windows.ts';
import type { Lab } from './lab.ts';
import type { LabSpec } from './project.ts';
import { valueOf } from './sums.ts';

const SUMS = 'sums';
const TARGET = 'summed';
const LENGTH_MS = 1_000;
const DRAIN_MS_MAX = 120_000;

export const WINDOWED: Pick<LabSpec, 'more'> = {
  more: {
    functions: { sums: { code: 'sums.ts', handler: 'sums', timeout: 20 } },
    mappings: {
      [SUMS]: {
        ...{ function: 'sums', startingPosition: 'TRIM_HORIZON', batchSize: 5, bisectBatchOnFunctionError: true },
        ...{ source: { type: 'redis-stream', stream: 's' }, output: { type: 'redis-stream', stream: TARGET } },
        ...{ tumblingWindowInSeconds: LENGTH_MS / 1_000, functionResponseTypes: ['ReportBatchItemFailures'] },
      },
    },
  },
};

/** Shards with records, units or a window left. */
async function unfinished({ redis, keys, shards }: Lab): Promise<string[]> {
  const left: string[] = [];
  for (const { shardId, key } of shards) {
    const state = await redis.hgetall(keys.shard(SUMS, shardId));
    const [last] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
    const open = state['win'] !== undefined && (JSON.parse(state['win']) as { open: boolean }).open;
    const settled = last === undefined || state['cp'] === last[0];
    if (!settled || open || state['units'] !== '[]' || 'out' in state) left.push(shardId);
  }
  return left;
}

export interface WindowsChecked {
  readonly violations: readonly WindowViolation[];
  readonly records: number;
  readonly windows: number;
  readonly parts: number;
}

/** Waits until every window is over, and checks them. After `lab.drain()`, with the daemons alive. */
export async function checkSums(lab: Lab): Promise<WindowsChecked> {
  const none = (left: readonly string[]): boolean => left.length === 0;
  await eventually(() => unfinished(lab), none, { withinMs: DRAIN_MS_MAX, everyMs: 200, what: 'every window over' });
  const inputs = await Promise.all(
    lab.shards.map(async ({ shardId, key }): Promise<WindowInput> => {
      const entries = await lab.redis.xrange(key, '-', '+');
      const records = entries.map(([id]) => ({ ms: Number(id.split('-')[0]), value: valueOf(toSequenceNumber(id)) }));
      return { shardId, records };
    }),
  );
  const outputs = (await lab.redis.xrange(TARGET, '-', '+')).map(([, fields]): WindowSum => {
    const value = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
    return { origin: value('origin'), data: value('data') };
  });
  const violations = checkWindows({ mapping: SUMS, lengthMs: LENGTH_MS }, inputs, outputs);
  const parts = outputs.filter(({ origin }) => /\.\d+\/0$/.test(origin)).length;
  const records = inputs.reduce((sum, input) => sum + input.records.length, 0);
  return { violations, records, windows: outputs.length - parts, parts };
}
