/** A function as configured → the version that runs. */
import { createHash } from 'node:crypto';
import { SECRET_LENGTH_MIN } from '../config-limits.ts';
import { bundleFunction } from './bundle.ts';
import { locate } from './locate.ts';
import { storeScript } from './store.ts';
import type { FunctionSource, FunctionVersion } from './types.ts';

/**
 * Bundles the code (about 10 ms for a file, 50 ms for 500 KB of packages) and stores it under `cacheDir` by its content. It is
 * bundled anew at each call, because only the bundler knows what the code consists of; equal code gives an equal version.
 *
 * @throws FunctionCodeError with every problem and its place
 */
export async function loadFunction(source: FunctionSource, cacheDir: string): Promise<FunctionVersion> {
  const located = await locate(source, cacheDir);
  const script = await bundleFunction(source.name, located);
  const stored = await storeScript(script, cacheDir);
  const settings = {
    name: source.name,
    exportPath: located.exportPath,
    handlerText: source.handler,
    memorySizeMb: source.memorySize,
    timeoutMs: Math.round(source.timeout * 1000),
    environment: source.environment,
    networkAllow: source.network.allow,
    secrets: source.secretNames
      .map((name) => source.environment[name] ?? '')
      .filter((value) => value.length >= SECRET_LENGTH_MIN),
    concurrencyPerProcess: source.concurrencyPerProcess,
    systemLog: source.loggingConfig.systemLogLevel !== 'WARN',
    applicationLogLevel: source.loggingConfig.applicationLogLevel,
  };
  return {
    ...settings,
    hash: hashOf(stored.sha256, settings),
    bundlePath: stored.bundlePath,
    sourceMapPath: stored.sourceMapPath,
    codeCachePath: null,
  };
}

function hashOf(bundleSha256: string, settings: Readonly<Record<string, unknown>> & { environment: object }): string {
  const environment = Object.entries(settings.environment).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([bundleSha256, { ...settings, environment }]))
    .digest('hex');
}
