/** Errors as Node makes them: `code` beside the sentence. */

type ErrorClass = new (message: string) => Error;

export function nodeError<T extends ErrorClass>(Class: T, code: string, message: string): Error & { code: string } {
  const error = new Class(message) as Error & { code: string };
  error.code = code;
  return error;
}

export function invalidArgument(name: string, expected: string, actual: unknown): Error {
  return nodeError(
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    `The "${name}" argument must be ${expected}. Received ${describe(actual)}`,
  );
}

function describe(value: unknown): string {
  if (value == null) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') return `an instance of ${value.constructor?.name || 'Object'}`;
  return `type ${typeof value} (${String(value).slice(0, 28)})`;
}
