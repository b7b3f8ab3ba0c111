/** Starting a child process: no environment, no files but its own two, behind what hardening.ts found to work, and it dies with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, fchmodSync, fstatSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { MillraceError } from '../errors.ts';
import { type Hardening, type Measure, MEASURES, probeHardening } from './hardening.ts';

interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** Descriptors that it inherits as SCRIPT_FD and NATIVE_FD. */
  readonly files: readonly number[];
}

/** Path of isolated-vm's native file for this Node: loaded directly, because node-gyp-build looks at files the child may not read. */
export function nativePath(): string {
  const home = dirname(createRequire(import.meta.url).resolve('isolated-vm/package.json'));
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const libc =
    process.platform === 'linux' ? (report?.header?.glibcVersionRuntime === undefined ? '.musl' : '.glibc') : '';
  const prebuilds = join(home, 'prebuilds', `${process.platform}-${process.arch}`);
  const abi = `isolated-vm.abi${process.versions.modules}`;
  const candidates = [
    join(prebuilds, `${abi}${libc}.node`),
    join(prebuilds, `${abi}.node`),
    join(home, 'build/Release/isolated_vm.node'),
  ];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new MillraceError(
    'sandbox-unavailable',
    `isolated-vm has no native file for Node ${process.versions.node} on ${process.platform} ${process.arch}`,
    {
      hint: 'run Millrace with Node 26 or 24',
    },
  );
}

/** What a child finds its two files under when its user may not read where they lie: descriptors that it closes once it has read them. */
const SCRIPT_FD = 4;
const NATIVE_FD = 5;
const byDescriptor = (fd: number): string => `/proc/self/fd/${fd}`;

interface Prepared {
  readonly native: string;
  readonly hardening: Hardening;
}

/** By the measures that are wanted. */
const prepared = new Map<string, Prepared>();
let started = 0;
const opened = new Map<string, number>();

function prepare(wanted: readonly Measure[] = MEASURES): Prepared {
  const key = wanted.join();
  let found = prepared.get(key);
  if (found === undefined) {
    found = { native: nativePath(), hardening: probeHardening(process.execPath, wanted) };
    prepared.set(key, found);
  }
  return found;
}

/** What was tried on this system for children, and what of it works. */
export function hardeningMeasures(): Hardening['measures'] {
  return prepare().hardening.measures;
}

/** What to start for a child whose program is `script`. */
function childCommand(script: string, { native, hardening }: Prepared): ChildCommand {
  const { measures } = hardening;
  const dies = measures.diesWithDaemon === 'on';
  const foreign = measures.ownUser === 'on';
  const [scriptPath, nativeFile] = foreign ? [byDescriptor(SCRIPT_FD), byDescriptor(NATIVE_FD)] : [script, native];
  const node = [
    process.execPath,
    // isolated-vm and Node's own start-up snapshot do not go together.
    '--no-node-snapshot',
    '--no-warnings',
    '--permission',
    '--allow-addons',
    `--allow-fs-read=${scriptPath}`,
    `--allow-fs-read=${nativeFile}`,
    // Else Node would follow the descriptor to the path that must not be needed.
    ...(foreign ? ['--preserve-symlinks-main'] : []),
    // Without pdeathsig a second thread watches the pipe, because the first may be held by user code.
    ...(dies ? [] : ['--allow-worker']),
    // One helper thread for V8 instead of four: a child runs one invocation.
    '--v8-pool-size=1',
    scriptPath,
    nativeFile,
    String(process.pid),
    dies ? 'dies-with-parent' : 'watch',
    // Only for who reads a list of processes.
    ...(foreign ? [basename(script)] : []),
  ];
  const [file, ...args] = [...hardening.wrap(started++), ...node];
  return { file: file!, args, files: foreign ? [readable(script), readable(native)] : [] };
}

/** A descriptor that any user may read from: opened once, for all children. */
function readable(path: string): number {
  let fd = opened.get(path);
  if (fd === undefined) {
    fd = openSync(path, 'r');
    const { mode } = fstatSync(fd);
    if ((mode & 0o004) === 0) fchmodSync(fd, (mode & 0o777) | 0o004);
    opened.set(path, fd);
  }
  return fd;
}

/**
 * stdio: 0 is never written (its end is the daemon's end), 2 tells why a child died, 3 is the wire. In a session of its own: a Ctrl-C goes to
 * the whole foreground group, and must not kill what the daemon lets finish.
 */
export function spawnChild(script: string, wanted?: readonly Measure[]): ChildProcess {
  const { file, args, files } = childCommand(script, prepare(wanted));
  return spawn(file, args, {
    env: {},
    cwd: '/',
    stdio: ['pipe', 'ignore', 'pipe', 'pipe', ...files],
    detached: true,
    windowsHide: true,
  });
}
