/** A daemon as the commands start it: with the real sandbox, the real gateway and the bundler, all caches in one directory. */
import type { Log } from '../observe/log.ts';
import { createEgress } from '../sandbox/egress/gateway.ts';
import { createSandbox } from '../sandbox/pool.ts';
import { buildPrelude } from '../sandbox/build-prelude.ts';
import { hardeningMeasures } from '../sandbox/spawn.ts';
import type { Sandbox } from '../sandbox/types.ts';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
import { cacheDirOf, loadFunctions } from './functions.ts';

/** Closing it ends the connections that its functions' requests left open, too. */
export async function openSandbox(cacheDir: string, log: Log): Promise<Sandbox> {
  const prelude = await buildPrelude(cacheDir);
  const egress = createEgress();
  const sandbox = await createSandbox({ cacheDir, preludePath: prelude.path, egress, log });
  return {
    invoke: (request) => sandbox.invoke(request),
    holdOffMs: (version) => sandbox.holdOffMs(version),
    stats: () => sandbox.stats(),
    reserve: () => sandbox.reserve(),
    async close() {
      await sandbox.close();
      egress.close();
    },
  };
}

export type OpenOptions = Omit<DaemonOptions, 'sandbox' | 'loadFunctions'>;

export function openDaemon(options: OpenOptions): Promise<Daemon> {
  const cacheDir = cacheDirOf(options.config);
  return startDaemon({
    ...options,
    sandbox: async () => {
      const sandbox = await openSandbox(cacheDir, options.log);
      options.log.info({ measures: hardeningMeasures() }, 'sandbox hardening');
      return sandbox;
    },
    loadFunctions: (config) => loadFunctions(config, cacheDir),
  });
}
