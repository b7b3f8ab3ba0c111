/** console.*: formats, cuts and counts inside, so that a flood of lines never crosses. The first lines are kept, the rest are counted. */
import {
  dateNow,
  defineProperty,
  install,
  named,
  NativeError,
  stringIndexOf,
  stringOf,
  stringSlice,
  stringify,
  tagOf,
} from './primordials.ts';

const LEVEL = { __proto__: null, trace: 0, debug: 1, info: 2, warn: 3, error: 4 } as unknown as Record<string, number>;

interface LogLimits {
  readonly lineBytes: number;
  readonly lines: number;
  readonly bytes: number;
}

let limits: LogLimits = { lineBytes: 8192, lines: 1000, bytes: 1 << 20 };
let emit: (level: number, text: string) => void;
let linesLeft = 0;
let bytesLeft = 0;
let dropped = 0;
let indent = '';
let levelMin = 0;
let userFormat: ((args: readonly unknown[]) => string) | null = null;

export function setFormatter(format: (args: readonly unknown[]) => string): void {
  userFormat = format;
}

/** What `console` writes below it is neither formatted nor counted. Text written to the standard streams has no level. */
export function setLevelMin(level: number): void {
  levelMin = level;
}

/** Begins a new count, at the start of an initialisation or invocation. */
export function resetLog(next?: LogLimits): void {
  if (next !== undefined) limits = next;
  linesLeft = limits.lines;
  bytesLeft = limits.bytes;
  dropped = 0;
  indent = '';
}

export function droppedLines(): number {
  return dropped;
}

export function logLine(level: string, text: string): void {
  if (linesLeft <= 0 || bytesLeft <= 0) {
    dropped++;
    return;
  }
  const max = bytesLeft < limits.lineBytes ? bytesLeft : limits.lineBytes;
  const line = text.length > max ? stringSlice(text, 0, max) : text;
  linesLeft--;
  bytesLeft -= line.length;
  emit(LEVEL[level] ?? 2, line);
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '[Function]' : stringOf(value);
  try {
    const stack = tagOf(value) === '[object Error]' ? (value as { stack?: unknown }).stack : undefined;
    return typeof stack === 'string' ? stack : (stringify(value) ?? 'undefined');
  } catch {
    return tagOf(value);
  }
}

function format(args: readonly unknown[]): string {
  if (userFormat !== null) {
    try {
      const text: unknown = userFormat(args);
      if (typeof text === 'string') return text;
    } catch {
      // The prelude's formatter ran into user code that throws (a getter, a proxy): the plain form says less, but something.
    }
  }
  let out = '';
  for (let i = 0; i < args.length; i++) out += (i === 0 ? '' : ' ') + plain(args[i]);
  return out;
}

function write(level: string, args: readonly unknown[]): void {
  if ((LEVEL[level] ?? 2) < levelMin) return;
  // Not even formatted once the cap is reached: a flood costs its function's own time only.
  if (linesLeft <= 0 || bytesLeft <= 0) dropped++;
  else logLine(level, indent + format(args));
}

/** The frames of this script come first, and are nobody's business. */
function stackOfCaller(): string {
  const stack = stringOf(new NativeError().stack);
  let from = stringIndexOf(stack, '\n');
  for (let next = from; next >= 0; next = stringIndexOf(stack, '\n', next + 1)) {
    const line = stringSlice(stack, next, stringIndexOf(stack, '\n', next + 1));
    if (stringIndexOf(line, 'millrace:') < 0) break;
    from = stringIndexOf(stack, '\n', next + 1);
  }
  return from < 0 ? '' : stringSlice(stack, from);
}

export function installConsole(out: (level: number, text: string) => void): void {
  emit = out;
  const console = {};
  const counts = { __proto__: null } as unknown as Record<string, number>;
  const started = { __proto__: null } as unknown as Record<string, number>;
  const put = (name: string, fn: (...args: never[]) => unknown): void => {
    defineProperty(console, name, {
      __proto__: null,
      value: named(name, fn),
      writable: true,
      configurable: true,
      enumerable: true,
    } as PropertyDescriptor);
  };
  const labelOf = (label: unknown): string => (label === undefined ? 'default' : stringOf(label));
  const since = (label: string): string => `${label}: ${dateNow() - (started[label] ?? dateNow())}ms`;
  for (const [name, level] of [
    ['log', 'info'],
    ['info', 'info'],
    ['dir', 'info'],
    ['dirxml', 'info'],
    ['table', 'info'],
    ['debug', 'debug'],
    ['warn', 'warn'],
    ['error', 'error'],
  ] as const) {
    const onlyFirst = name === 'dir' || name === 'table';
    put(name, (...args: unknown[]) => write(level, onlyFirst ? [args[0]] : args));
  }
  put('trace', (...args: unknown[]) => {
    write('trace', [`Trace: ${format(args)}${stackOfCaller()}`]);
  });
  put('assert', (condition: unknown, ...args: unknown[]) => {
    if (!condition) write('error', [`Assertion failed${args.length > 0 ? `: ${format(args)}` : ''}`]);
  });
  const group = (...args: unknown[]): void => {
    if (args.length > 0) write('info', args);
    if (indent.length < 64) indent += '  ';
  };
  put('group', group);
  put('groupCollapsed', group);
  put('groupEnd', () => {
    indent = stringSlice(indent, 2);
  });
  put('count', (label?: unknown) => {
    const key = labelOf(label);
    counts[key] = (counts[key] ?? 0) + 1;
    write('info', [`${key}: ${counts[key]}`]);
  });
  put('countReset', (label?: unknown) => {
    delete counts[labelOf(label)];
  });
  put('time', (label?: unknown) => {
    started[labelOf(label)] = dateNow();
  });
  put('timeLog', (label?: unknown) => write('info', [since(labelOf(label))]));
  put('timeEnd', (label?: unknown) => {
    write('info', [since(labelOf(label))]);
    delete started[labelOf(label)];
  });
  install(globalThis, 'console', console);
}
