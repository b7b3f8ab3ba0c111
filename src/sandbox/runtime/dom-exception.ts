/** DOMException: what the web APIs throw. `code` is the legacy number of the names that have one. */
const LEGACY_CODES: Record<string, number> = {
  IndexSizeError: 1,
  NotFoundError: 8,
  NotSupportedError: 9,
  InvalidStateError: 11,
  SyntaxError: 12,
  InvalidAccessError: 15,
  InvalidCharacterError: 5,
  AbortError: 20,
  QuotaExceededError: 22,
  TimeoutError: 23,
  DataCloneError: 25,
};

export class DOMException extends Error {
  constructor(message: unknown = '', options: string | { name?: string; cause?: unknown } = 'Error') {
    const named = typeof options === 'object' && options !== null;
    super(String(message), named && 'cause' in options ? { cause: options.cause } : undefined);
    const name = named ? String(options.name ?? 'Error') : String(options);
    Object.defineProperty(this, 'name', { value: name, configurable: true, writable: true, enumerable: false });
  }
  get code(): number {
    return Object.hasOwn(LEGACY_CODES, this.name) ? LEGACY_CODES[this.name]! : 0;
  }
  get [Symbol.toStringTag](): string {
    return 'DOMException';
  }
}
