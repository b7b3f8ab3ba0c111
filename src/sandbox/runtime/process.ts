/** The isolate's own `process`: nothing of the host's (contract.md, "Handlers"). */
import { define, hooks } from './host.ts';
import { formatList } from './node/inspect.ts';
import { EventEmitter } from './node/events.ts';
import { refusal } from './node/unsupported.ts';

const NS_PER_MS = 1_000_000n;

function hrtime(before?: readonly [number, number]): [number, number] {
  const ms = hooks.monoMs();
  let seconds = Math.floor(ms / 1000);
  let nanos = (ms % 1000) * 1e6;
  if (before !== undefined) {
    seconds -= before[0];
    nanos -= before[1];
    if (nanos < 0) {
      seconds -= 1;
      nanos += 1e9;
    }
  }
  return [seconds, nanos];
}
hrtime.bigint = () => BigInt(hooks.monoMs()) * NS_PER_MS;

/** Streams of text: whole lines go to the log, the last one at the end of the write. */
function output(level: 'info' | 'error') {
  return {
    isTTY: false,
    columns: 80,
    writable: true,
    write(chunk: unknown, encoding?: unknown, done?: unknown): boolean {
      const text = typeof chunk === 'string' ? chunk : String(chunk);
      const line = text.endsWith('\n') ? text.slice(0, -1) : text;
      if (text !== '') hooks.log(level, line);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (typeof callback === 'function') queueMicrotask(callback as () => void);
      return true;
    },
    end(): void {},
    on(): unknown {
      return this;
    },
    once(): unknown {
      return this;
    },
    emit: () => false,
    removeListener(): unknown {
      return this;
    },
    getColorDepth: () => 1,
    hasColors: () => false,
  };
}

function refuse(member: string) {
  return () => {
    throw refusal('process', `process.${member}()`);
  };
}

const IDENTITY = {
  title: 'node',
  version: hooks.nodeVersion,
  versions: { node: hooks.nodeVersion.replace(/^v/, '') },
  release: { name: 'node' },
  arch: 'x64',
  platform: 'linux',
  pid: 1,
  ppid: 0,
  argv: ['/var/lang/bin/node', '/var/task/index'],
  argv0: 'node',
  execArgv: [] as string[],
  execPath: '/var/lang/bin/node',
  exitCode: undefined as number | undefined,
  config: { variables: {}, target_defaults: {} },
  features: {},
  cwd: () => '/var/task',
  umask: () => 0o22,
  getuid: () => 1000,
  geteuid: () => 1000,
  getgid: () => 1000,
  getegid: () => 1000,
};

function memoryUsage() {
  const { heapTotal, heapUsed, external } = hooks.heapStatistics();
  return { rss: heapTotal + external, heapTotal, heapUsed, external, arrayBuffers: external };
}
memoryUsage.rss = () => memoryUsage().rss;

const METERS = {
  hrtime,
  memoryUsage,
  uptime: () => hooks.monoMs() / 1000,
  constrainedMemory: () => hooks.memoryLimitMb * 2 ** 20,
  availableMemory: () => Math.max(0, hooks.heapStatistics().limit - hooks.heapStatistics().heapUsed),
  cpuUsage: () => ({ user: hooks.monoMs() * 1000, system: 0 }),
  resourceUsage: () => ({ maxRSS: memoryUsage().rss / 1024 }),
};

const ACTIONS = {
  chdir: refuse('chdir'),
  abort: () => hooks.exit(134),
  kill: refuse('kill'),
  binding: refuse('binding'),
  dlopen: refuse('dlopen'),
  nextTick(fn: (...args: unknown[]) => unknown, ...args: unknown[]): void {
    if (typeof fn !== 'function') throw new TypeError('The "callback" argument must be of type function.');
    queueMicrotask(() => void fn(...args));
  },
  emitWarning(warning: unknown): void {
    hooks.log('warn', formatList([warning]));
  },
  setUncaughtExceptionCaptureCallback: () => undefined,
  hasUncaughtExceptionCaptureCallback: () => false,
};

const LISTENING = [
  'on',
  'once',
  'addListener',
  'prependListener',
  'off',
  'removeListener',
  'removeAllListeners',
  'setMaxListeners',
] as const;
const ASKING = ['emit', 'listeners', 'listenerCount', 'eventNames', 'getMaxListeners'] as const;

/** Listeners are accepted; there is no process to exit, and no signal comes. */
function addListeners(made: object): void {
  const emitter = new EventEmitter();
  const put = (name: string, value: unknown) => define(made, name, value);
  for (const name of LISTENING) {
    const method = emitter[name] as (...args: unknown[]) => unknown;
    put(name, (...args: unknown[]) => {
      method.apply(emitter, args);
      return made;
    });
  }
  for (const name of ASKING) {
    const method = emitter[name] as (...args: unknown[]) => unknown;
    put(name, (...args: unknown[]) => method.apply(emitter, args));
  }
}

/** `load`: what process.getBuiltinModule answers with. */
export function makeProcess(load: (name: string) => unknown): object {
  const made = {
    ...IDENTITY,
    ...METERS,
    ...ACTIONS,
    env: { ...hooks.environment },
    stdout: output('info'),
    stderr: output('error'),
    exit: (code?: number) => hooks.exit(code ?? made.exitCode ?? 0),
    getBuiltinModule: load,
  };
  define(made, Symbol.toStringTag, 'process');
  addListeners(made);
  return made;
}
