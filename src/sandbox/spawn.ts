/** Starting a child process: no environment, no files but its own two, lowest priority, and it dies with this process. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MillraceError } from '../errors.ts';

interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
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

/** The wrappers that exist here: all replace themselves by the next command, so the child keeps its process id. */
function wrappers(): string[] {
  if (process.platform === 'win32') return [];
  const works = (args: string[]): boolean =>
    spawnSync(args[0]!, [...args.slice(1), 'true'], { env: {}, stdio: 'ignore', timeout: 5_000 }).status === 0;
  const found: string[] = [];
  for (const nice of ['/usr/bin/nice', '/bin/nice']) {
    if (existsSync(nice) && works([nice, '-n', '19'])) {
      found.push(nice, '-n', '19');
      break;
    }
  }
  if (process.platform !== 'linux') return found;
  // As a batch process a child that has work again does not interrupt the daemon in the write that gave it the work, nor Redis.
  for (const chrt of ['/usr/bin/chrt', '/bin/chrt']) {
    if (existsSync(chrt) && works([chrt, '-b', '0'])) {
      found.push(chrt, '-b', '0');
      break;
    }
  }
  for (const setpriv of ['/usr/bin/setpriv', '/bin/setpriv', '/sbin/setpriv']) {
    if (existsSync(setpriv) && works([setpriv, '--pdeathsig', 'KILL'])) {
      found.push(setpriv, '--pdeathsig', 'KILL');
      break;
    }
  }
  return found;
}

let command: { readonly prefix: string[]; readonly native: string } | null = null;

/** What to start for a child whose program is `script`. */
function childCommand(script: string): ChildCommand {
  command ??= { prefix: wrappers(), native: nativePath() };
  const { prefix, native } = command;
  const dies = prefix.includes('--pdeathsig');
  const node = [
    process.execPath,
    // isolated-vm and Node's own start-up snapshot do not go together.
    '--no-node-snapshot',
    '--no-warnings',
    '--permission',
    '--allow-addons',
    `--allow-fs-read=${script}`,
    `--allow-fs-read=${native}`,
    // Without pdeathsig a second thread watches the pipe, because the first may be held by user code.
    ...(dies ? [] : ['--allow-worker']),
    // One helper thread for V8 instead of four: a child runs one invocation.
    '--v8-pool-size=1',
    script,
    native,
    String(process.pid),
    dies ? 'dies-with-parent' : 'watch',
  ];
  const all = [...prefix, ...node];
  return { file: all[0]!, args: all.slice(1) };
}

/**
 * stdio: 0 is never written (its end is the daemon's end), 2 tells why a child died, 3 is the wire. In a session of its own: a Ctrl-C goes to
 * the whole foreground group, and must not kill what the daemon lets finish.
 */
export function spawnChild(script: string): ChildProcess {
  const { file, args } = childCommand(script);
  return spawn(file, args, {
    env: {},
    cwd: '/',
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    detached: true,
    windowsHide: true,
  });
}
