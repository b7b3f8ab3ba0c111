/** A daemon as the commands start it: with the real sandbox, the real gateway and the bundler, all caches in one directory. */
import path from 'node:path';
import { loadFunction } from '../function/load.ts';
import type { Config } from '../mapping/types.ts';
import type { Log } from '../observe/log.ts';
import { createEgress } from '../sandbox/egress/gateway.ts';
import { createSandbox } from '../sandbox/pool.ts';
import { buildPrelude } from '../sandbox/build-prelude.ts';
import { hardeningMeasures } from '../sandbox/spawn.ts';
import type { FunctionVersion, Sandbox } from '../sandbox/types.ts';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';

/** Where bundles and built scripts are kept: `.millrace` beside the configuration, unless MILLRACE_CACHE names another place. */
export function cacheDirOf(config: Pick<Config, 'files'>, env: NodeJS.ProcessEnv = process.env): string {
  const beside = path.join(path.dirname(config.files[0] ?? '.'), '.millrace');
  return env.MILLRACE_CACHE ?? path.join(beside, 'cache');
}

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

export async function loadFunctions(config: Config, cacheDir: string): Promise<ReadonlyMap<string, FunctionVersion>> {
  const loaded = await Promise.all([...config.functions.values()].map((source) => loadFunction(source, cacheDir)));
  return new Map(loaded.map((version) => [version.name, version]));
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
