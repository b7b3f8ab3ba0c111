// A vitest reporter for tools: counts what passed, failed and was skipped, and leaves it in the file that test.mjs named. A file
// that could not be loaded and an error outside of any test count as failures, so that the line never says less than the exit code.
import { writeFileSync } from 'node:fs';

export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let failed = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') tally.passed += 1;
        else if (state === 'failed') failed += 1;
        else tally.skipped += 1;
      }
      if (failed === 0 && !module.ok()) failed = 1;
      tally.failed += failed;
    }
    writeFileSync(
      process.env.MILLRACE_TALLY,
      `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`,
    );
  }
}
