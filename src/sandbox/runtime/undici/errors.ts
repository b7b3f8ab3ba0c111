/** Errors of undici, by the names and codes that callers look at. */

class UndiciError extends Error {
  readonly code: string;
  constructor(message?: string, options?: ErrorOptions, code = 'UND_ERR') {
    super(message, options);
    this.name = 'UndiciError';
    this.code = code;
  }
}

const CODES = {
  AbortError: 'UND_ERR_ABORT',
  HeadersTimeoutError: 'UND_ERR_HEADERS_TIMEOUT',
  HeadersOverflowError: 'UND_ERR_HEADERS_OVERFLOW',
  BodyTimeoutError: 'UND_ERR_BODY_TIMEOUT',
  ConnectTimeoutError: 'UND_ERR_CONNECT_TIMEOUT',
  InvalidArgumentError: 'UND_ERR_INVALID_ARG',
  InvalidReturnValueError: 'UND_ERR_INVALID_RETURN_VALUE',
  ClientDestroyedError: 'UND_ERR_DESTROYED',
  ClientClosedError: 'UND_ERR_CLOSED',
  InformationalError: 'UND_ERR_INFO',
  SocketError: 'UND_ERR_SOCKET',
  NotSupportedError: 'UND_ERR_NOT_SUPPORTED',
  RequestRetryError: 'UND_ERR_REQ_RETRY',
  ResponseError: 'UND_ERR_RESPONSE',
  RequestContentLengthMismatchError: 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  ResponseContentLengthMismatchError: 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  ResponseExceededMaxSizeError: 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
} as const;

type ErrorClass = new (message?: string, options?: ErrorOptions) => UndiciError;

function errorClass(name: string, code: string, Base: ErrorClass | typeof UndiciError = UndiciError): ErrorClass {
  const Class = class extends (Base as typeof UndiciError) {
    constructor(message?: string, options?: ErrorOptions) {
      super(message, options, code);
      this.name = name;
    }
  };
  Object.defineProperty(Class, 'name', { value: name, configurable: true });
  return Class;
}

const made = Object.fromEntries(Object.entries(CODES).map(([name, code]) => [name, errorClass(name, code)])) as Record<
  keyof typeof CODES,
  ErrorClass
>;

export const errors = {
  UndiciError,
  ...made,
  RequestAbortedError: class RequestAbortedError extends UndiciError {
    constructor(message?: string, options?: ErrorOptions) {
      super(message, options, 'UND_ERR_ABORTED');
      this.name = 'AbortError';
    }
  },
};
