/** What a function is made from, and what it becomes. */
import { type ErrorCode, MillraceError } from '../errors.ts';
import { type Place, placeText } from './place.ts';

/** A function as the configuration declares it, defaults filled in. */
export interface FunctionSource {
  readonly name: string;
  /** Absolute path: a source file, a directory, or a `.zip`. */
  readonly code: string;
  /** `export` for a file, `file.export` for a directory or archive; exports may be nested: `api.handler`. */
  readonly handler: string;
  /** MB */
  readonly memorySize: number;
  /** seconds */
  readonly timeout: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly network: { readonly allow: readonly string[] };
  /** Entries of `environment` whose values must never be shown. */
  readonly secretNames: readonly string[];
  readonly concurrencyPerProcess: number;
  readonly loggingConfig: {
    readonly systemLogLevel: 'DEBUG' | 'INFO' | 'WARN';
    readonly applicationLogLevel: ApplicationLogLevel;
  };
  /** Bounds of a `.zip`. */
  readonly maximumZippedSizeInMB: number;
  readonly maximumUnzippedSizeInMB: number;
}

/** One immutable version: code plus everything that an attempt depends on. The same shape as the sandbox's. */
export interface FunctionVersion {
  readonly name: string;
  /** SHA-256 (hex) over name, bundle, handler and settings: equal hash, equal behaviour. */
  readonly hash: string;
  readonly bundlePath: string;
  readonly sourceMapPath: string | null;
  readonly codeCachePath: string | null;
  readonly exportPath: string;
  readonly handlerText: string;
  readonly memorySizeMb: number;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly networkAllow: readonly string[];
  readonly secrets: readonly string[];
  readonly concurrencyPerProcess: number;
  readonly systemLog: boolean;
  readonly applicationLogLevel: ApplicationLogLevel;
}

/** From the lowest; the same as the sandbox's. */
export type ApplicationLogLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL';

/** Something wrong with a function's code, and where. */
export interface FunctionProblem extends Place {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** The code cannot become a version. Carries every problem that was found; the message is the first one with its place. */
export class FunctionCodeError extends MillraceError {
  readonly problems: readonly FunctionProblem[];
  constructor(name: string, problems: readonly FunctionProblem[]) {
    const first = problems[0]!;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    super(
      first.code,
      `function ${name}: ${placeText(first)}: ${first.message}${more}`,
      first.hint === undefined ? {} : { hint: first.hint },
    );
    this.problems = problems;
  }
}
