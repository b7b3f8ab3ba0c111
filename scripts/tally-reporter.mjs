// A vitest reporter for tools: counts what passed, failed and was skipped, and leaves it as JSON in the file that test.mjs named, with
// what failed by name. A file that could not be loaded and an error outside of any test count as failures, so that the line never says
// less than the exit code.
import { writeFileSync } from 'node:fs';

export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const tally = {
      passed: 0,
      skipped: 0,
      failures: unhandledErrors.map((error) => failure('outside of any test', error)),
    };
    for (const module of modules) {
      const before = tally.failures.length;
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === 'passed') tally.passed += 1;
        else if (state === 'failed')
          tally.failures.push(failure(`${module.relativeModuleId} > ${test.fullName}`, errors[0]));
        else tally.skipped += 1;
      }
      if (before === tally.failures.length && !module.ok())
        tally.failures.push(failure(module.relativeModuleId, module.errors()[0]));
    }
    writeFileSync(process.env.MILLRACE_TALLY, JSON.stringify(tally));
  }
}

function failure(where, error) {
  return `${where}\n    ${String(error?.message ?? 'no error was given')
    .split('\n', 6)
    .join('\n    ')}`;
}
