/** node:assert, strict and loose. */
import { deepEqual } from './deep-equal.ts';
import { inspect } from './inspect.ts';

interface Details {
  message?: string | undefined;
  actual?: unknown;
  expected?: unknown;
  operator?: string;
}

export class AssertionError extends Error {
  readonly code = 'ERR_ASSERTION';
  readonly actual: unknown;
  readonly expected: unknown;
  readonly operator: string;
  readonly generatedMessage: boolean;
  constructor({ message, actual, expected, operator = 'fail' }: Details) {
    super(message ?? `Expected values to be ${operator}:\n\n${inspect(actual)} !== ${inspect(expected)}\n`);
    this.name = 'AssertionError';
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
    this.generatedMessage = message === undefined;
  }
}

type Message = string | Error | undefined;
type Expected = RegExp | object | ((error: unknown) => unknown) | undefined;

function check(passed: boolean, message: Message, details: Details): void {
  if (passed) return;
  if (message instanceof Error) throw message;
  throw new AssertionError({ ...details, message: message ?? details.message });
}

const comparison =
  (operator: string, test: (a: unknown, b: unknown) => boolean) =>
  (actual: unknown, expected: unknown, message?: Message) =>
    check(test(actual, expected), message, { actual, expected, operator });

const looseEqual = (a: unknown, b: unknown) => a == b || (a !== a && b !== b);

function matches(error: unknown, expected: Expected, message: Message): void {
  if (expected === undefined) return;
  if (expected instanceof RegExp)
    return check(expected.test(String(error)), message, { actual: error, expected, operator: 'throws' });
  if (typeof expected === 'function') {
    if (expected.prototype !== undefined && error instanceof (expected as unknown as new () => unknown)) return;
    if (Object.prototype.isPrototypeOf.call(Error, expected)) throw error;
    return check(expected(error) === true, message, { actual: error, expected, operator: 'throws' });
  }
  for (const [key, wanted] of Object.entries(expected)) {
    const found = (error as Record<string, unknown>)[key];
    const same =
      wanted instanceof RegExp && typeof found === 'string' ? wanted.test(found) : deepEqual(found, wanted, true);
    check(same, message, { actual: error, expected, operator: 'throws' });
  }
}

function ok(value: unknown, message?: Message): void {
  check(Boolean(value), message, {
    message: 'The expression evaluated to a falsy value',
    actual: value,
    expected: true,
    operator: '==',
  });
}

function thrown(expected: Expected | string, message?: Message): [Expected, Message] {
  return typeof expected === 'string' ? [undefined, expected] : [expected, message];
}

const missing = (message: Message, operator: string) =>
  check(false, message, {
    message: operator === 'throws' ? 'Missing expected exception.' : 'Missing expected rejection.',
    operator,
  });

const common = {
  ok,
  AssertionError,
  fail: (message: Message = 'Failed') => check(false, message, { operator: 'fail' }),
  ifError(value: unknown) {
    if (value !== null && value !== undefined) throw value;
  },
  throws(fn: () => unknown, expected?: Expected | string, message?: Message) {
    const [wanted, text] = thrown(expected as Expected, message);
    try {
      fn();
    } catch (error) {
      return matches(error, wanted, text);
    }
    return missing(text, 'throws');
  },
  doesNotThrow: (fn: () => unknown) => void fn(),
  async rejects(promise: Promise<unknown> | (() => Promise<unknown>), expected?: Expected | string, message?: Message) {
    const [wanted, text] = thrown(expected as Expected, message);
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      return matches(error, wanted, text);
    }
    return missing(text, 'rejects');
  },
  async doesNotReject(promise: Promise<unknown> | (() => Promise<unknown>)) {
    await (typeof promise === 'function' ? promise() : promise);
  },
  match: (text: string, pattern: RegExp, message?: Message) =>
    check(pattern.test(text), message, { actual: text, expected: pattern, operator: 'match' }),
  doesNotMatch: (text: string, pattern: RegExp, message?: Message) =>
    check(!pattern.test(text), message, { actual: text, expected: pattern, operator: 'doesNotMatch' }),
  strictEqual: comparison('strictEqual', Object.is),
  notStrictEqual: comparison('notStrictEqual', (a, b) => !Object.is(a, b)),
  deepStrictEqual: comparison('deepStrictEqual', (a, b) => deepEqual(a, b, true)),
  notDeepStrictEqual: comparison('notDeepStrictEqual', (a, b) => !deepEqual(a, b, true)),
};

const strictOnes = {
  equal: common.strictEqual,
  notEqual: common.notStrictEqual,
  deepEqual: common.deepStrictEqual,
  notDeepEqual: common.notDeepStrictEqual,
};
const looseOnes = {
  equal: comparison('==', looseEqual),
  notEqual: comparison('!=', (a, b) => !looseEqual(a, b)),
  deepEqual: comparison('deepEqual', (a, b) => deepEqual(a, b, false)),
  notDeepEqual: comparison('notDeepEqual', (a, b) => !deepEqual(a, b, false)),
};

export const assertStrict = Object.assign(
  (value: unknown, message?: Message) => ok(value, message),
  common,
  strictOnes,
);
export const assert = Object.assign((value: unknown, message?: Message) => ok(value, message), common, looseOnes, {
  strict: assertStrict,
});
Object.assign(assertStrict, { strict: assertStrict });
