/** `validate`'s look at the code of functions, with a sandbox that is started when the first one needs it. */
import { randomUUID } from 'node:crypto';
import { openSandbox } from '../daemon/open-daemon.ts';
import { MillraceError } from '../errors.ts';
import { checkFunction } from '../function/check.ts';
import type { FunctionConfig } from '../mapping/types.ts';
import { silentLog } from '../observe/log.ts';
import type { Sandbox } from '../sandbox/types.ts';

export interface CodeChecker {
  check(fn: FunctionConfig): ReturnType<typeof checkFunction>;
  close(): Promise<void>;
}

export function codeChecker(cacheDir: string): CodeChecker {
  let sandbox: Promise<Sandbox> | undefined;
  return {
    check: (fn) =>
      checkFunction(fn, cacheDir, async (version) => {
        sandbox ??= openSandbox(cacheDir, silentLog);
        const outcome = await (
          await sandbox
        ).invoke({
          version,
          event: Buffer.from('{}'),
          ascii: true,
          context: { requestId: randomUUID() },
          lease: null,
          log: () => undefined,
        });
        if (outcome.kind === 'infrastructure')
          throw new MillraceError('sandbox-failed', `the sandbox did not run: ${outcome.reason}`);
        return outcome.kind === 'ok' ? null : outcome.error;
      }),
    close: async () => (await sandbox)?.close(),
  };
}
