/** Programs that developers run by hand, with flags that do not fit: a sentence that says what would, and exit code 2. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../support/house/files.ts';
import { run } from '../support/run.ts';

const CASES: Readonly<Record<string, readonly (readonly [args: string, said: RegExp])[]>> = {
  'bench/main.ts': [['--only a,zz', /^there is no figure "zz"; there are a, b, c/]],
  'bench/sandbox.ts': [['--repeats 0', /^--repeats takes a whole number from 1 to \d+, not "0"/]],
  'bench/hostile.ts': [['--seconds x', /^--seconds takes a number above 0, not "x"/]],
  'test/sim/main.ts': [['--seed 1e3', /^--seed takes a whole number from 0 to \d+, not "1e3"/]],
  'test/hostile/main.ts': [
    ['--only nothing-like-it', /^there is no case "nothing-like-it"/],
    ['--node 4', /^there is no Node "4"; there are 26, 24/],
    ['--nodes 26', /^Unknown option '--nodes'/],
  ],
};

describe.for(Object.entries(CASES))('%s', ([file, cases]) => {
  test.for(cases)('%s', async ([args, said]) => {
    const all = [path.join(ROOT, file), ...args.split(' ')];
    // As from a shell: what is shared with tests asks for this.
    const { code, stdout, stderr } = await run(process.execPath, all, { env: { VITEST: undefined } });
    expect(stderr).toMatch(said);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
