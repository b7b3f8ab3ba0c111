/** The configuration for every command but `validate`: it is good, or the command ends with what is wrong. */
import { MillraceError } from '../errors.ts';
import { formatProblem } from './format-problem.ts';
import type { Environment } from './interpolate.ts';
import { type LoadOptions, loadConfig } from './load-config.ts';
import type { Config, Problem } from './types.ts';

/** Warnings are handed to `onWarning`; errors end in a MillraceError (exit 1) that lists them. */
export function requireConfig(
  pathOrDir: string,
  env: Environment,
  options: LoadOptions & { readonly onWarning?: (problem: Problem) => void } = {},
): Config {
  const { config, problems } = loadConfig(pathOrDir, env, options);
  if (config === undefined) {
    const errors = problems.filter((problem) => problem.severity === 'error');
    const list = errors.map((problem) => formatProblem(problem)).join('\n');
    const count = errors.length === 1 ? 'a problem' : `${errors.length} problems`;
    throw new MillraceError('config-invalid', `the configuration has ${count}:\n${list}`, {
      hint: 'millrace validate shows them with line and column, also as JSON',
    });
  }
  for (const problem of problems) options.onWarning?.(problem);
  return config;
}
