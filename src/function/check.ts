/** Everything that can be known to be wrong with a function's code before its first event. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { INIT_MS_MAX } from '../limits.ts';
import { loadFunction } from './load.ts';
import { type Located, locate } from './locate.ts';
import { type Place, placeIn } from './place.ts';
import { storeScript } from './store.ts';
import { FunctionCodeError, type FunctionProblem, type FunctionSource, type FunctionVersion } from './types.ts';

export interface LoadFailure {
  readonly errorType: string;
  readonly errorMessage: string;
  /** `    at name (/var/task/file:line:column)` */
  readonly trace: readonly string[];
}

/** Loads the version where it would run and invokes it once with `{}`. Null: that worked. */
export type TryLoad = (version: FunctionVersion) => Promise<LoadFailure | null>;

/**
 * Compiles the code, loads it in the real sandbox, and looks whether the handler is a function. The handler itself is not run: what is
 * invoked is a look at it.
 */
export async function checkFunction(
  source: FunctionSource,
  cacheDir: string,
  tryLoad: TryLoad,
): Promise<readonly FunctionProblem[]> {
  try {
    const located = await locate(source, cacheDir);
    const version = await loadFunction(source, cacheDir);
    const failure = await tryLoad(await probeOf(version, cacheDir));
    return failure === null ? [] : [problemOf(failure, source, located)];
  } catch (error) {
    if (error instanceof FunctionCodeError) return error.problems;
    throw error;
  }
}

const NOT_A_FUNCTION = 'Millrace.NotAFunction';

/** The same bundle, with a handler in front that answers when the user's is a function. */
async function probeOf(version: FunctionVersion, cacheDir: string): Promise<FunctionVersion> {
  const code = await readFile(version.bundlePath, 'utf8');
  const look = `
module.exports = module.exports.then((loaded) => ({ look: async () => {
  const found = ${JSON.stringify(version.exportPath.split('.'))}.reduce((at, name) => at == null ? undefined : at[name], loaded);
  if (typeof found === 'function') return;
  const error = new Error(JSON.stringify([typeof found, Object.keys(loaded).filter((name) => typeof loaded[name] === 'function')]));
  error.name = ${JSON.stringify(NOT_A_FUNCTION)};
  throw error;
} }));
`;
  const sourceMap = version.sourceMapPath === null ? '' : await readFile(version.sourceMapPath, 'utf8');
  const stored = await storeScript({ code: code + look, sourceMap }, cacheDir);
  const { bundlePath, sourceMapPath } = stored;
  // Whatever the function's own timeout is, nobody waits for it here.
  const timeoutMs = Math.min(version.timeoutMs, INIT_MS_MAX);
  return { ...version, hash: `look-${version.hash}`, bundlePath, sourceMapPath, exportPath: 'look', timeoutMs };
}

function problemOf(failure: LoadFailure, source: FunctionSource, located: Located): FunctionProblem {
  if (failure.errorType === NOT_A_FUNCTION) return notAFunction(failure, source, located);
  const late = failure.errorType === 'Sandbox.Timedout';
  // What a package requires in vain is found when it is loaded (missing.ts), and the package is where to look.
  const missing = failure.errorType === 'Runtime.ImportModuleError';
  return {
    severity: 'error',
    code: missing ? 'function-import' : 'function-init',
    message: late
      ? 'the code does not come to an end when it is loaded'
      : `the code fails when it is loaded: ${failure.errorType}: ${failure.errorMessage}`,
    ...(late ? { hint: 'look for a loop, or an await that is never settled, outside of the handler' } : {}),
    ...placeOf(failure.trace, located, missing),
  };
}

function notAFunction(failure: LoadFailure, source: FunctionSource, located: Located): FunctionProblem {
  const [kind, exported] = JSON.parse(failure.errorMessage) as [string, string[]];
  const what =
    kind === 'undefined' ? 'is not exported' : `is no function but ${kind === 'object' ? 'an object' : `a ${kind}`}`;
  const names = exported.slice(0, 10).join(', ');
  return {
    severity: 'error',
    code: 'function-handler',
    message: `${located.exportPath} ${what} (handler ${JSON.stringify(source.handler)})`,
    hint: names === '' ? 'the module exports no function' : `functions that are exported: ${names}`,
    ...placeIn(located, located.entry),
  };
}

/** The first frame in the user's own files (or also in packages); else the beginning of the handler's file. */
function placeOf(trace: readonly string[], located: Located, alsoPackages: boolean): Place {
  for (const frame of trace) {
    const at = /\/var\/task\/(?<file>[^():]+):(?<line>\d+):(?<column>\d+)/.exec(frame)?.groups;
    if (at === undefined || (!alsoPackages && at['file']!.startsWith('node_modules/'))) continue;
    return placeIn(located, path.join(located.root, at['file']!), Number(at['line']), Number(at['column']));
  }
  return placeIn(located, located.entry);
}
