/** util.getCallSites, read from the text of a stack: V8's own objects would hand out our functions. */

interface CallSite {
  readonly functionName: string;
  readonly scriptId: string;
  readonly scriptName: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
  readonly column: number;
}

const FRAME = /^ +at (?:async )?(?:(.*) \()?(\S+):(\d+):(\d+)\)?$/;
const COUNT = 10;

/** The callers of the caller, innermost first. */
export function callSites(count: unknown = COUNT): CallSite[] {
  const limit = typeof count === 'number' && count >= 1 && count <= 200 ? Math.floor(count) : COUNT;
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = limit + COUNT;
  const stack = String(new Error().stack);
  Error.stackTraceLimit = before;
  const sites: CallSite[] = [];
  for (const line of stack.split('\n')) {
    const [, functionName = '', scriptName, row, column] = FRAME.exec(line) ?? [];
    if (scriptName === undefined || scriptName.startsWith('millrace:')) continue;
    const [lineNumber, columnNumber] = [Number(row), Number(column)];
    sites.push({ functionName, scriptId: '0', scriptName, lineNumber, columnNumber, column: columnNumber });
  }
  return sites.slice(0, limit);
}
