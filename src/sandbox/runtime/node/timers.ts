/** node:timers and node:timers/promises, over the globals. */

interface Options {
  signal?: AbortSignal;
}

function delayed(
  start: (done: () => void) => () => void,
  value: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    const aborted = () => {
      stop();
      reject(signal!.reason as Error);
    };
    const stop = start(() => {
      signal?.removeEventListener('abort', aborted);
      resolve(value);
    });
    signal?.addEventListener('abort', aborted, { once: true });
    return undefined;
  });
}

function wait(ms?: number, value?: unknown, options: Options = {}): Promise<unknown> {
  return delayed(
    (done) => {
      const timer = setTimeout(done, ms);
      return () => clearTimeout(timer);
    },
    value,
    options.signal,
  );
}

async function* ticks(ms?: number, value?: unknown, options: Options = {}): AsyncGenerator<unknown> {
  for (;;) yield await wait(ms, value, options);
}

export const timersPromises = {
  setTimeout: wait,
  setImmediate: (value?: unknown, options: Options = {}) =>
    delayed(
      (done) => {
        const immediate = setImmediate(done);
        return () => clearImmediate(immediate);
      },
      value,
      options.signal,
    ),
  setInterval: ticks,
  scheduler: { wait: (ms: number, options?: Options) => wait(ms, undefined, options), yield: () => wait(0) },
};

export const timers = {
  get setTimeout() {
    return globalThis.setTimeout;
  },
  get clearTimeout() {
    return globalThis.clearTimeout;
  },
  get setInterval() {
    return globalThis.setInterval;
  },
  get clearInterval() {
    return globalThis.clearInterval;
  },
  get setImmediate() {
    return globalThis.setImmediate;
  },
  get clearImmediate() {
    return globalThis.clearImmediate;
  },
  promises: timersPromises,
};
