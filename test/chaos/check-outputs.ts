/** The outputs of one stage: every record's, once, in the order of its shard (issue of pipelines: zero lost, zero doubled). */

export interface StageInput {
  readonly shardId: string;
  /** In the order of the shard. */
  readonly sequenceNumbers: readonly string[];
}

/** Of one target shard, in its order. */
export type StageOutput = readonly { readonly origin: string; readonly data: string }[];

export interface OutputViolation {
  readonly kind: 'lost' | 'doubled' | 'order' | 'stray';
  readonly what: string;
}

export interface StageSpec {
  readonly mapping: string;
  readonly generation?: number;
  /** How many entries a record makes. */
  readonly expected: (sequenceNumber: string) => number;
}

export function checkOutputs(
  { mapping, generation = 1, expected }: StageSpec,
  inputs: readonly StageInput[],
  outputs: readonly StageOutput[],
): OutputViolation[] {
  const violations: OutputViolation[] = [];
  const places = new Map<string, { readonly place: number; times: number }>();
  for (const { shardId, sequenceNumbers } of inputs) {
    sequenceNumbers.forEach((name, index) => {
      // Place within the source shard, the entries of one record counted.
      for (let n = 0; n < expected(name); n++) {
        const origin = `${mapping}/${shardId}/${generation}/${name}/${n}`;
        places.set(origin, { place: index * 1_000_000 + n, times: 0 });
      }
    });
  }
  outputs.forEach((entries, shard) => {
    const last = new Map<string, number>();
    for (const { origin } of entries) {
      const known = places.get(origin);
      if (!known) {
        violations.push({ kind: 'stray', what: `${origin} in target ${shard}` });
        continue;
      }
      known.times++;
      if (known.times > 1) violations.push({ kind: 'doubled', what: origin });
      const source = origin.split('/')[1]!;
      if (known.place < (last.get(source) ?? -1))
        violations.push({ kind: 'order', what: `${origin} in target ${shard}` });
      last.set(source, known.place);
    }
  });
  for (const [origin, { times }] of places) if (times === 0) violations.push({ kind: 'lost', what: origin });
  return violations;
}
