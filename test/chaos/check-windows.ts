/** The sums of a mapping with tumbling windows beside those of its input: each window once, each record in it once (docs/windows.md). */

export interface WindowInput {
  readonly shardId: string;
  /** In the order of the shard. */
  readonly records: readonly { readonly ms: number; readonly value: number }[];
}

/** What a final invocation put out. */
export interface WindowSum {
  readonly origin: string;
  readonly data: string;
}

export interface WindowViolation {
  readonly kind: 'lost' | 'doubled' | 'stray' | 'part' | 'sum';
  readonly what: string;
}

interface Sum {
  records: number;
  sum: number;
}

/** Of one window, by part. */
type Found = Map<number, { times: number; readonly sum: Sum }>;

export function checkWindows(
  { mapping, lengthMs }: { readonly mapping: string; readonly lengthMs: number },
  inputs: readonly WindowInput[],
  outputs: readonly WindowSum[],
): WindowViolation[] {
  const violations: WindowViolation[] = [];
  const found = new Map<string, Found>();
  const expected = expectedSums(lengthMs, inputs);
  for (const { origin, data } of outputs) {
    const [, name, shardId, start, part] = /^(.+)\/([^/]+)\/1\/w(\d+)(?:\.(\d+))?\/0$/.exec(origin) ?? [];
    const window = `${shardId}/${start}`;
    if (name !== mapping || !expected.has(window)) {
      violations.push({ kind: 'stray', what: origin });
      continue;
    }
    const parts: Found = found.get(window) ?? new Map();
    found.set(window, parts);
    const known = parts.get(Number(part ?? 0));
    if (known) known.times++;
    else parts.set(Number(part ?? 0), { times: 1, sum: JSON.parse(data) as Sum });
    if (known?.times === 2) violations.push({ kind: 'doubled', what: origin });
  }
  for (const [window, sum] of expected) violations.push(...checkWindow(window, sum, found.get(window)));
  return violations;
}

function expectedSums(lengthMs: number, inputs: readonly WindowInput[]): Map<string, Sum> {
  const expected = new Map<string, Sum>();
  for (const { shardId, records } of inputs) {
    for (const { ms, value } of records) {
      const window = `${shardId}/${Math.floor(ms / lengthMs) * lengthMs}`;
      const sum = expected.get(window) ?? { records: 0, sum: 0 };
      expected.set(window, { records: sum.records + 1, sum: sum.sum + value });
    }
  }
  return expected;
}

function checkWindow(window: string, expected: Sum, parts: Found | undefined): WindowViolation[] {
  if (!parts) return [{ kind: 'lost', what: window }];
  const numbers = [...parts.keys()].sort((a, b) => a - b);
  if (numbers.some((part, index) => part !== index))
    return [{ kind: 'part', what: `${window}: parts ${numbers.join(' ')}` }];
  const total: Sum = { records: 0, sum: 0 };
  for (const { sum } of parts.values()) {
    total.records += sum.records;
    total.sum += sum.sum;
  }
  if (total.records === expected.records && total.sum === expected.sum) return [];
  return [
    {
      kind: 'sum',
      what: `${window}: ${total.records} records with ${total.sum} of ${expected.records} with ${expected.sum}`,
    },
  ];
}
