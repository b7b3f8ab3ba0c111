/**
 * Errors as Lambda reports them (esm-semantics.md §2.13), made into JSON inside the isolate: custom properties and `cause` do not survive
 * a crossing, and reading an error's members runs user code, which belongs into the timed call. Everything is cut here before it crosses.
 */
import { charCodeAt, stringIndexOf, stringOf, stringSlice, stringify } from './primordials.ts';

const TYPE_CHARS_MAX = 256;
const TRACE_LINES_MAX = 32;
const CAUSES_MAX = 4;
const HANDLED =
  'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack';

let textMax = 4096;
export function setErrorTextMax(chars: number): void {
  textMax = chars;
}

/** Cut, and 0x7F written as %7F, as the Lambda runtime does. */
function clean(text: string, max: number): string {
  const cut = text.length > max ? stringSlice(text, 0, max) : text;
  if (stringIndexOf(cut, '\x7f') < 0) return cut;
  let out = '';
  for (let i = 0; i < cut.length; i++) out += charCodeAt(cut, i) === 0x7f ? '%7F' : cut[i]!;
  return out;
}

function payload(type: string, message: string, trace: string): string {
  return `{"errorType":${stringify(clean(type, TYPE_CHARS_MAX))},"errorMessage":${stringify(clean(message, textMax))},"trace":[${trace}]}`;
}

/** The stack as JSON strings, one per line; frames of our own scripts are left out. */
function traceOf(stack: string): string {
  const text = clean(stack, textMax);
  let out = '';
  let lines = 0;
  for (let from = 0; from <= text.length && lines < TRACE_LINES_MAX;) {
    let to = stringIndexOf(text, '\n', from);
    if (to < 0) to = text.length;
    const line = stringSlice(text, from, to);
    from = to + 1;
    if (stringIndexOf(line, 'millrace:') >= 0 || stringIndexOf(line, '<isolated-vm') >= 0) continue;
    out += (lines++ === 0 ? '' : ',') + stringify(line);
  }
  return out;
}

export function plainError(type: string, message: string): string {
  return payload(type, message, '');
}

interface ErrorLike {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** One line per cause that the stack does not tell itself: `fetch failed` is of no use without it. */
function causesOf(error: object, stack: string): string {
  let out = '';
  try {
    let at: unknown = (error as { cause?: unknown }).cause;
    for (let depth = 0; depth < CAUSES_MAX && typeof at === 'object' && at !== null; depth++) {
      const { name, message, code, cause } = at as Record<string, unknown>;
      if (typeof name !== 'string' || typeof message !== 'string') break;
      const mark = typeof code === 'string' ? ` [${code}]` : '';
      if (stringIndexOf(stack, message) < 0) out += `\nCaused by: ${name}${mark}: ${message}`;
      at = cause;
    }
  } catch {
    // A cause that cannot be read takes nothing from the error itself, which Lambda reports without looking at it.
  }
  return out;
}

/** Reads each member once: a getter may answer something else the next time. */
function asErrorLike(error: unknown): ErrorLike | null {
  if (typeof error !== 'object' || error === null) return null;
  const { name, message, stack } = error as { name: unknown; message: unknown; stack: unknown };
  return typeof name === 'string' && typeof message === 'string' && typeof stack === 'string'
    ? { name, message, stack: stack + causesOf(error, stack) }
    : null;
}

/** What a handler threw, rejected with, or passed to callback. */
export function errorPayload(error: unknown): string {
  try {
    const read = asErrorLike(error);
    if (read !== null) return payload(read.name, read.message, traceOf(read.stack));
    // null and undefined have no toString: Lambda ends in its `handled` branch, and so do objects without one.
    if (error === null || error === undefined) return payload('handled', HANDLED, '');
    return payload(typeof error, typeof error === 'string' ? error : stringOf(error), '');
  } catch {
    return payload('handled', HANDLED, '');
  }
}

/** An error that Lambda's runtime wraps in one of its own: the text begins with the name that it had. */
export function renamedError(error: unknown, type: string): string {
  try {
    const read = asErrorLike(error);
    if (read !== null) return payload(type, `${read.name}: ${read.message}`, traceOf(read.stack));
    return payload(type, stringOf(error), '');
  } catch {
    return payload(type, HANDLED, '');
  }
}
