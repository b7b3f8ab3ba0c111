/** What a hostile case is: a handler as data, and what must come of it. */

/** Outcome words: `OK`, or `FAIL` with a code: `timeout`, `memory`, `killed`, or the errorType of the function's own error. */
export type Word = 'OK' | `FAIL ${string}`;

export interface HostileCase {
  /** Number in the list of hostile handlers that the suite began with; null for one that the list does not have. */
  readonly number: number | null;
  readonly name: string;
  /** Body of `async (event, context, callback)`. */
  readonly body?: string;
  /** Or the whole module, CommonJS text that sets `exports.handler`. */
  readonly module?: string;
  /** Any of these may come; more than one only where V8 itself decides by chance or version. */
  readonly expected: readonly Word[];
  /** The result must be exactly this JSON text. */
  readonly result?: string;
  /** The error's message must match. */
  readonly message?: RegExp;
  readonly timeoutMs?: number;
  readonly memorySizeMb?: number;
  /** Log lines that must come out: how many, how many at least were dropped, and what each looks like. */
  readonly logs?: { readonly lines?: number; readonly droppedMin?: number; readonly each?: RegExp };
  /**
   * What the next invocation of the same function comes to. Without it: success, its own log line and a request that is answered.
   * `plain`: the same without the request, whose client is the function's own to spoil. `same`: the module itself is the hostile part.
   * `own-poison`: one outcome, whatever the function's own left-overs make of it.
   */
  readonly next?: 'plain' | 'same' | 'own-poison';
}

/** Short for what spins: the whole list is run hundreds of times. */
const SPIN_TIMEOUT_MS = 150;
/** For what must end by itself, also on a busy machine. */
export const PATIENT_TIMEOUT_MS = 60_000;

/** `expected` in here replaces what the maker of the case says. */
type Rest = Partial<Omit<HostileCase, 'number' | 'name' | 'body'>>;

/** Holds its thread or its promise until the clock ends it. */
export function spins(number: number | null, name: string, body: string, rest: Rest = {}): HostileCase {
  return { number, name, body, expected: ['FAIL timeout'], timeoutMs: SPIN_TIMEOUT_MS, ...rest };
}

export function fails(
  number: number | null,
  name: string,
  codes: string | readonly string[],
  body: string,
  rest: Rest = {},
): HostileCase {
  const all = typeof codes === 'string' ? [codes] : codes;
  return { number, name, body, expected: all.map((code): Word => (code === 'OK' ? 'OK' : `FAIL ${code}`)), ...rest };
}

/** Ends well, with this result where one is given. */
export function passes(
  number: number | null,
  name: string,
  body: string,
  result?: unknown,
  rest: Rest = {},
): HostileCase {
  const text = result === undefined ? {} : { result: JSON.stringify(result) };
  return { number, name, body, expected: ['OK'], ...text, ...rest };
}
