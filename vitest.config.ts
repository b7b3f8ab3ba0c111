import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { defineConfig } from 'vitest/config';

/** These take minutes: were they begun last, as their size has it, one worker would wait for the other. */
const LONG = /\/test\/(chaos|hostile)\//;
/** These mostly wait, for a broker. */
const WAITS = /\/test\/kafka\/|-kafka-/;

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
    pool: 'forks',
    // Two cores, of which two workers left three tenths idle; with many more, fault tests would measure each other.
    maxWorkers: 3,
    sequence: { sequencer: Mixed },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
