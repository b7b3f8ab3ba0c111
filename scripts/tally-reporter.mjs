// A vitest reporter for tools: the very last line of a run is `N passed, N failed, N skipped`. A file that could not be
// loaded and an error outside of any test count as failures, so that the line never says less than the exit code.
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
    // After the other reporters, which write at the same event: the line must be the last one.
    process.once('exit', () =>
      process.stdout.write(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped\n`),
    );
  }
}
