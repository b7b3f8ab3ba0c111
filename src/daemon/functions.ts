/** The functions of a configuration as code that can run, for daemons and for commands that are none. */
import path from 'node:path';
import { loadFunction } from '../function/load.ts';
import type { Config } from '../mapping/types.ts';
import type { FunctionVersion } from '../sandbox/types.ts';

/** Where bundles and built scripts are kept: `.millrace` beside the configuration, unless MILLRACE_CACHE names another place. */
export function cacheDirOf(config: Pick<Config, 'files'>, env: NodeJS.ProcessEnv = process.env): string {
  const beside = path.join(path.dirname(config.files[0] ?? '.'), '.millrace');
  return env.MILLRACE_CACHE ?? path.join(beside, 'cache');
}

export async function loadFunctions(config: Config, cacheDir: string): Promise<ReadonlyMap<string, FunctionVersion>> {
  const loaded = await Promise.all([...config.functions.values()].map((source) => loadFunction(source, cacheDir)));
  return new Map(loaded.map((version) => [version.name, version]));
}
