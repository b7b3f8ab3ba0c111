/** The isolate's own `process`: nothing of the host's (contract.md, "Handlers"). */
import { define, hooks } from './host.ts';
import { formatList } from './node/inspect.ts';
import { EventEmitter } from './node/events.ts';
import { refusal } from './node/unsupported.ts';
import { makeStandardStreams } from './process-output.ts';

const NS_PER_MS = 1_000_000n;

interface WarningOptions {
  readonly type?: unknown;
  readonly code?: unknown;
}

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
  emitWarning(warning: unknown, given?: unknown, code?: unknown): void {
    const options = typeof given === 'object' && given !== null ? (given as WarningOptions) : { type: given, code };
    const type = typeof options.type === 'string' ? options.type : 'Warning';
    const mark = typeof options.code === 'string' ? `[${options.code}] ` : '';
    hooks.log('warn', warning instanceof Error ? formatList([warning]) : `${mark}${type}: ${String(warning)}`);
  },
  getActiveResourcesInfo: () => [] as string[],
  setSourceMapsEnabled: () => undefined,
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

/** What a Lambda finds beside its own environment, as far as it is true here: libraries ask it whether they run in one. */
const LAMBDA = {
  AWS_LAMBDA_FUNCTION_NAME: hooks.functionName,
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(hooks.memoryLimitMb),
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
};

/** `load`: what process.getBuiltinModule answers with. */
export function makeProcess(load: (name: string) => unknown): object {
  const made = {
    ...IDENTITY,
    ...METERS,
    ...ACTIONS,
    env: { ...LAMBDA, ...hooks.environment },
    ...makeStandardStreams(),
    exit: (code?: number) => hooks.exit(code ?? made.exitCode ?? 0),
    getBuiltinModule: load,
  };
  define(made, Symbol.toStringTag, 'process');
  addListeners(made);
  return made;
}
