/** `millrace validate`: every problem of the configuration at once (contract.md, "millrace validate --json"). */
import path from 'node:path';
import { styleText } from 'node:util';
import { Command } from 'commander';
import { MillraceError } from '../errors.ts';
import { type Paint, formatProblem, noPaint } from '../mapping/format-problem.ts';
import { loadConfig } from '../mapping/load-config.ts';
import { sortProblems } from '../mapping/report.ts';
import { pathText } from '../mapping/tree.ts';
import type { Config, FunctionConfig, LoadResult, Problem } from '../mapping/types.ts';
import { checkConnections } from './validate-connect.ts';

/** What a look at a function's code finds; `file` is absolute. */
export type CodeProblem = Omit<Problem, 'path'>;

export interface ValidateOptions {
  readonly config: string;
  readonly json: boolean;
  readonly connect: boolean;
}

export interface ValidateDependencies {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly write: (text: string) => void;
  readonly paint: Paint;
  /** Compiles and loads a function's code. Absent: code is not looked at. */
  readonly checkFunction?: (fn: FunctionConfig) => Promise<readonly CodeProblem[]>;
  /** Asks the servers. Rejects with a MillraceError (exit 2) when one does not answer. */
  readonly checkConnections: (config: Config, locate: LoadResult['locate']) => Promise<readonly Problem[]>;
}

/** Writes the findings; answers 0 when none is an error, else 1. Rejects with a MillraceError when a server does not answer. */
export async function validate(options: ValidateOptions, dependencies: ValidateDependencies): Promise<0 | 1> {
  const loaded = loadConfig(options.config, dependencies.env);
  const problems: Problem[] = [...loaded.problems];
  let unreachable: MillraceError | undefined;
  if (loaded.config !== undefined) {
    problems.push(...(await codeProblems(loaded.config, dependencies)));
    if (options.connect) {
      try {
        problems.push(...(await dependencies.checkConnections(loaded.config, loaded.locate)));
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        unreachable = error;
      }
    }
  }
  const sorted = sortProblems(problems);
  dependencies.write(options.json ? jsonText(sorted) : humanText(sorted, loaded.config, options, dependencies.paint));
  if (unreachable !== undefined) throw unreachable;
  return sorted.some(isError) ? 1 : 0;
}

function isError(problem: Problem): boolean {
  return problem.severity === 'error';
}

/** One function after the other: each may take a bundler and a sandbox, and the order of findings stays the same. */
async function codeProblems(config: Config, dependencies: ValidateDependencies): Promise<Problem[]> {
  const { checkFunction, cwd } = dependencies;
  if (checkFunction === undefined) return [];
  const problems: Problem[] = [];
  for (const fn of config.functions.values()) {
    const found = await checkFunction(fn);
    problems.push(
      ...found.map((problem) => ({
        ...problem,
        path: pathText(['functions', fn.name, 'code']),
        file: shownPath(problem.file, cwd),
      })),
    );
  }
  return problems;
}

/** Paths of handlers as the user would write them from here. */
function shownPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}

function jsonText(problems: readonly Problem[]): string {
  const keys = ({ severity, code, path: at, message, hint, file, entry, line, column }: Problem) => ({
    severity,
    code,
    path: at,
    message,
    ...(hint === undefined ? {} : { hint }),
    file,
    ...(entry === undefined ? {} : { entry }),
    line,
    column,
  });
  return `${JSON.stringify({ formatVersion: 1, valid: !problems.some(isError), problems: problems.map(keys) }, null, 2)}\n`;
}

function humanText(
  problems: readonly Problem[],
  config: Config | undefined,
  options: ValidateOptions,
  paint: Paint,
): string {
  const errors = problems.filter(isError).length;
  const warnings = problems.length - errors;
  const lines = problems.map((problem) => `${formatProblem(problem, paint)}\n`);
  const counts = [count(errors, 'error'), count(warnings, 'warning')].filter((text) => text !== '').join(', ');
  if (errors > 0) return `${lines.join('')}\n${paint('red', `${options.config}: ${counts}`)}\n`;
  const size = `${count(config?.functions.size ?? 0, 'function') || 'no function'}, ${count(config?.mappings.size ?? 0, 'mapping') || 'no mapping'}`;
  const summary = `${options.config} is valid: ${size}${counts === '' ? '' : ` (${counts})`}\n`;
  return problems.length === 0 ? summary : `${lines.join('')}\n${summary}`;
}

function count(n: number, noun: string): string {
  return n === 0 ? '' : `${n} ${noun}${n === 1 ? '' : 's'}`;
}

const terminalPaint: Paint = (style, text) => styleText(style, text, { stream: process.stdout });

const HELP = `
Everything is reported in one run: syntax, unknown and missing fields, ranges, rules between fields, and
whether each handler's code compiles and exports its function. Nothing is started and nothing is written.

  $ millrace validate                      millrace.yaml in this directory
  $ millrace validate -c config/           a directory of YAML files, read as one
  $ millrace validate --json | jq .        for editors and CI
  $ millrace validate --connect            also asks Redis: version, and whether the streams exist

Exit codes: 0 no error (warnings are shown), 1 an error, 2 a server does not answer (--connect).
For completion in an editor, begin the file with
  # yaml-language-server: $schema=node_modules/millrace/schema/millrace.schema.json`;

/** `overrides` is for those who put the command line together, and for tests. */
export function validateCommand(overrides: Partial<ValidateDependencies> = {}): Command {
  return new Command('validate')
    .description('Report every problem of the configuration at once, with file, line and column.')
    .option('-c, --config <PATH>', 'YAML file, or a directory of them', 'millrace.yaml')
    .option('--json', 'machine-readable: {"formatVersion":1,"valid":…,"problems":[…]}', false)
    .option('--connect', 'also check that Redis is suitable and the streams exist', false)
    .addHelpText('after', HELP)
    .action(async (options: ValidateOptions) => {
      process.exitCode = await validate(options, {
        env: process.env,
        cwd: process.cwd(),
        write: (text) => process.stdout.write(text),
        paint: process.stdout.isTTY ? terminalPaint : noPaint,
        checkConnections,
        ...overrides,
      });
    });
}
