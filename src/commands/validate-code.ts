/** `millrace validate` with its look at the code of functions, which needs the bundler and a sandbox. */
import path from 'node:path';
import type { Command } from 'commander';
import { cacheDirOf } from '../daemon/functions.ts';
import { type CodeChecker, codeChecker } from './check-code.ts';
import { validateCommand } from './validate.ts';

export interface ValidateWithCode {
  readonly command: Command;
  /** Ends the sandbox, if one was started; call it whatever became of the command. */
  close(): Promise<void>;
}

export function validateWithCode(): ValidateWithCode {
  let checker: CodeChecker | undefined;
  const command = validateCommand({
    checkFunction: (fn) => {
      checker ??= codeChecker(cacheDirOf({ files: [path.resolve(fn.position.file)] }));
      return checker.check(fn);
    },
  });
  return { command, close: async () => checker?.close() };
}
