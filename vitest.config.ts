import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { defineConfig } from 'vitest/config';
import { isByHand } from './test/chaos/lab/report.ts';

/** These take minutes: were they begun last, as their size has it, one worker would wait for the other. */
const LONG = /\/test\/(chaos|hostile)\//;
/** These mostly wait, for a broker. */
const WAITS = /\/test\/kafka\/|-kafka-/;

/** Only by `npm run chaos`, which gives files the machine to themselves. */
const BY_HAND = ['test/chaos/r16-kafka-cluster.test.ts'];

/** Long ones first, and those that wait beside those that work. */
class Mixed extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const waiting = sorted.filter(({ moduleId }) => WAITS.test(moduleId));
    const working = sorted.filter(({ moduleId }) => !WAITS.test(moduleId));
    const [long, short] = [true, false].map((is) => working.filter(({ moduleId }) => LONG.test(moduleId) === is));
    const others = [...long!, ...short!];
    return sorted.flatMap((_, index) => [...others.slice(index, index + 1), ...waiting.slice(index, index + 1)]);
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: isByHand() ? [] : BY_HAND,
    pool: 'forks',
    // Of two cores: with three, processes wait so long for one that fault tests measure each other (scripts/test.mjs gives the others three).
    maxWorkers: 2,
    sequence: { sequencer: Mixed },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
