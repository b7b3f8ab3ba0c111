/** One initialisation or invocation at a time: Lambda's handler forms, and the moment at which each is settled. */
import { droppedLines, resetLog } from './console.ts';
import { type InvocationHead, makeContext, type StaticContext } from './context.ts';
import { errorPayload, plainError, renamedError } from './errors.ts';
import { eventOf } from './event.ts';
import { fetchesPending, forgetFetches } from './fetches.ts';
import {
  type Host,
  SETTLE_FAILURE,
  SETTLE_FATAL,
  SETTLE_INIT,
  SETTLE_RESULT,
  SETTLED,
  WAITS_FOR_HOST,
} from './host.ts';
import {
  isNativePromise,
  NativeError,
  parse,
  sealConstructor,
  stringIndexOf,
  stringOf,
  stringSlice,
  stringify,
} from './primordials.ts';
import { nextTimerMs, timersPending } from './timers.ts';

const NEVER_SETTLES =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. ' +
  'For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes';

type Handler = (event: unknown, context: object, callback: (error?: unknown, result?: unknown) => void) => unknown;

interface Current {
  readonly requestId: string;
  /** The handler returned a promise (or the module has a top-level await). */
  awaited: boolean;
  /** callback(null, result) was called and waits for the event loop to be empty. It is the first call, so nothing that comes later counts. */
  called: boolean;
  result: unknown;
  waits: boolean;
}

let host: Host;
let fixed: StaticContext;
let resultBytesMax = 0;
let current: Current | null = null;
let handler: Handler;

export function setUpInvocations(to: Host, resultBytes: number): void {
  host = to;
  resultBytesMax = resultBytes;
}

function begin(requestId: string): Current {
  const one = {
    __proto__: null,
    requestId,
    awaited: false,
    called: false,
    result: undefined,
    waits: true,
  } as unknown as Current;
  forgetFetches();
  resetLog();
  current = one;
  return one;
}

function end(one: Current, kind: number, text: string): void {
  if (current !== one) return;
  current = null;
  forgetFetches();
  host.settle(kind, text, droppedLines());
}

function succeed(one: Current, value: unknown): void {
  if (current !== one) return;
  let text: string | undefined;
  try {
    text = stringify(value);
  } catch (error) {
    let why = '';
    try {
      why = `: ${stringOf((error as { message: unknown }).message)}`;
    } catch {
      // A toJSON threw something that cannot be read: the first half of the sentence has to do.
    }
    return end(one, SETTLE_FAILURE, errorPayload(new NativeError(`Unable to stringify response body${why}`)));
  }
  // Functions, symbols and undefined have no JSON: null, as in Lambda.
  text ??= 'null';
  if (text.length > resultBytesMax) return end(one, SETTLE_FAILURE, tooLarge());
  end(one, SETTLE_RESULT, text);
}

/** What the handler threw or rejected with. Of nothing the runtime makes `handled`, as of context.fail(). */
function fail(one: Current, error: unknown): void {
  if (current !== one) return;
  const nothing = error === undefined || error === null;
  end(one, SETTLE_FAILURE, nothing ? plainError('string', 'handled') : errorPayload(error));
}

function tooLarge(): string {
  return plainError(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${resultBytesMax} bytes).`,
  );
}

/** Uncaught exceptions, unhandled rejections, process.exit: the process of a Lambda would be gone, so the child is not used again. */
function die(payload: string): void {
  if (current !== null) end(current, SETTLE_FATAL, payload);
}

export function dieOf(error: unknown): void {
  die(errorPayload(error));
}

export function exit(code: number): void {
  const id = current?.requestId ?? '';
  const how =
    code === 0 ? 'Runtime exited without providing a reason' : `Runtime exited with error: exit status ${code & 255}`;
  die(plainError('Runtime.ExitError', `RequestId: ${id} Error: ${how}`));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (isNativePromise(value)) {
    sealConstructor(value);
    return true;
  }
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

// `await` on a native promise that is sealed looks nothing up on Promise.prototype, so what was replaced there does not matter.
async function follow(one: Current, promise: PromiseLike<unknown>): Promise<void> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (!one.called) fail(one, error);
    return;
  }
  if (!one.called) succeed(one, value);
}

/** `ahead`: how far the clock of the head's deadline is ahead of ours. */
export function invoke(eventText: string, headText: string, ahead: number): void {
  const head = parse(headText) as InvocationHead;
  const one = begin(head.requestId);
  const finish = (error: unknown, result: unknown): void => {
    if (current !== one || one.called) return;
    if (error !== undefined && error !== null) end(one, SETTLE_FAILURE, errorPayload(error));
    else succeed(one, result);
  };
  const context = makeContext(fixed, head, {
    get waits() {
      return one.waits;
    },
    set waits(value: boolean) {
      one.waits = value;
    },
    nowMs: () => host.monoMs() + ahead,
    done: finish,
  });
  const callback = (error?: unknown, result?: unknown): void => {
    if ((error === undefined || error === null) && one.waits && current === one && !one.called) {
      one.called = true;
      one.result = result;
    } else finish(error, result);
  };
  try {
    const returned = handler(eventOf(eventText, head.columns), context, callback);
    if (!isThenable(returned)) return;
    one.awaited = true;
    void follow(one, returned);
  } catch (error) {
    if (!one.called) fail(one, error);
  }
}

/** When nothing is left that could settle it, settles it as Lambda's runtime does when the process is about to exit. */
export function poll(): number {
  const one = current;
  if (one === null) return SETTLED;
  if (fetchesPending() || timersPending()) {
    const ms = nextTimerMs();
    return ms < 0 ? WAITS_FOR_HOST : ms;
  }
  if (one.called) succeed(one, one.result);
  else if (one.awaited) end(one, SETTLE_FATAL, plainError('Runtime.NodeJsExit', NEVER_SETTLES));
  else succeed(one, null);
  return SETTLED;
}

/** Evaluates the bundle and finds the handler (esm-semantics.md §2.13, runtime errors). */
export function load(
  run: (exports: object, require: unknown, module: object, filename: string, dirname: string) => void,
  require: unknown,
  head: StaticContext & { readonly exportPath: string; readonly handlerText: string },
): void {
  fixed = head;
  const { exportPath, handlerText } = head;
  const one = begin('');
  const module: { exports: unknown } = { exports: {} };
  try {
    run(module.exports as object, require, module, '/var/task/index.js', '/var/task');
    if (!isThenable(module.exports)) return found(one, module.exports, exportPath, handlerText);
    one.awaited = true;
    void followModule(one, module.exports, exportPath, handlerText);
  } catch (error) {
    loadFailed(one, error);
  }
}

async function followModule(
  one: Current,
  exports: PromiseLike<unknown>,
  exportPath: string,
  handlerText: string,
): Promise<void> {
  try {
    found(one, await exports, exportPath, handlerText);
  } catch (error) {
    loadFailed(one, error);
  }
}

function found(one: Current, exports: unknown, exportPath: string, handlerText: string): void {
  if (exportPath === '') return end(one, SETTLE_FATAL, plainError('Runtime.MalformedHandlerName', 'Bad handler'));
  let value = exports;
  for (let from = 0; from <= exportPath.length;) {
    let to = stringIndexOf(exportPath, '.', from);
    if (to < 0) to = exportPath.length;
    if (value === undefined || value === null) break;
    value = (value as Record<string, unknown>)[stringSlice(exportPath, from, to)];
    from = to + 1;
  }
  if (value === undefined || value === null)
    return end(one, SETTLE_FATAL, plainError('Runtime.HandlerNotFound', `${handlerText} is undefined or not exported`));
  if (typeof value !== 'function')
    return end(one, SETTLE_FATAL, plainError('Runtime.HandlerNotFound', `${handlerText} is not a function`));
  handler = value as Handler;
  end(one, SETTLE_INIT, '');
}

function loadFailed(one: Current, error: unknown): void {
  if (current !== one) return;
  let type: string | undefined;
  try {
    const { code, name } = error as { code?: unknown; name?: unknown };
    if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') type = 'Runtime.ImportModuleError';
    else if (name === 'SyntaxError') type = 'Runtime.UserCodeSyntaxError';
  } catch {
    // Not readable, so not one of these: it is reported as what it is.
  }
  end(one, SETTLE_FATAL, type === undefined ? errorPayload(error) : renamedError(error, type));
}
