/**
 * What the system lets us take from a child process before it runs: each measure is a command, or an option of one, in front of Node's.
 * All of them replace themselves by the next, so that the child keeps its process id. What does not work here is left out, and
 * said with its reason: a daemon that is no root, or sits in a container without capabilities, runs all the same.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  CHILD_DESCRIPTORS_MAX,
  CHILD_NICE,
  CHILD_THREADS_MAX,
  CHILD_UIDS,
  CHILD_UID_FIRST,
  HARDENING_PROBE_MS,
} from '../limits.ts';

export const MEASURES = [
  'priority',
  'batch',
  'network',
  'ipc',
  'limits',
  'processes',
  'diesWithDaemon',
  'noNewPrivileges',
  'noCapabilities',
  'ownUser',
] as const;
export type Measure = (typeof MEASURES)[number];

export interface Hardening {
  /** The commands in front of the `nth` child's own. */
  wrap(nth: number): string[];
  /** `on`, or why not. */
  readonly measures: Readonly<Record<Measure, string>>;
}

/** In the order of the chain: a user namespace must come before the limits that count in it, and the last takes away what the others need. */
const PROGRAMS = ['nice', 'chrt', 'unshare', 'prlimit', 'setpriv'] as const;
type Program = (typeof PROGRAMS)[number];

interface Step {
  readonly measure: Measure;
  readonly program: Program;
  readonly args: (nth: number) => readonly string[];
  /** Measures of which one must hold for this one to make sense. */
  readonly needs?: readonly Measure[];
}

/** Nobody's account: each child of a daemon that runs as root has another one, so that none can touch the other or a file. */
function uidOf(nth: number): string {
  return String(CHILD_UID_FIRST + ((process.pid + nth) % CHILD_UIDS));
}

function stepsFor(root: boolean): Step[] {
  // Who is not root makes a namespace only together with one of users, where it also loses the right to look into other processes.
  const user = root ? [] : ['--user'];
  return [
    { measure: 'priority', program: 'nice', args: () => ['-n', String(CHILD_NICE)] },
    // As a batch process a child that has work again does not interrupt the daemon in the write that gave it the work, nor Redis.
    { measure: 'batch', program: 'chrt', args: () => ['-b', '0'] },
    { measure: 'network', program: 'unshare', args: () => [...user, '--net'] },
    { measure: 'ipc', program: 'unshare', args: () => [...user, '--ipc'] },
    {
      measure: 'limits',
      program: 'prlimit',
      args: () => ['--core=0', '--fsize=0', `--nofile=${CHILD_DESCRIPTORS_MAX}`, '--memlock=0', '--msgqueue=0'],
    },
    { measure: 'diesWithDaemon', program: 'setpriv', args: () => ['--pdeathsig', 'KILL'] },
    { measure: 'noNewPrivileges', program: 'setpriv', args: () => ['--no-new-privs'] },
    {
      measure: 'noCapabilities',
      program: 'setpriv',
      // Who has none can lose none: with no new privileges there will never be one.
      args: () => [...(root ? ['--bounding-set=-all'] : []), '--inh-caps=-all', '--ambient-caps=-all'],
    },
    {
      measure: 'ownUser',
      program: 'setpriv',
      args: (nth) => [`--reuid=${uidOf(nth)}`, `--regid=${uidOf(nth)}`, '--clear-groups'],
    },
    // Counted per user (and namespace of users): of a user that has other processes it would count those as well.
    {
      measure: 'processes',
      program: 'prlimit',
      args: () => [`--nproc=${CHILD_THREADS_MAX}`],
      needs: root ? ['ownUser'] : ['network', 'ipc'],
    },
  ];
}

function pathOf(program: Program): string | undefined {
  return ['/usr/bin', '/bin', '/usr/sbin', '/sbin'].map((dir) => `${dir}/${program}`).find((path) => existsSync(path));
}

function chain(steps: readonly Step[], paths: ReadonlyMap<Program, string>, nth: number): string[] {
  const commands: string[] = [];
  for (const program of PROGRAMS) {
    const args = steps.filter((step) => step.program === program).flatMap((step) => step.args(nth));
    if (args.length > 0) commands.push(paths.get(program)!, ...new Set(args));
  }
  return commands;
}

/** Undefined when the chain works and its end may run `node`; else the reason. */
function failure(commands: readonly string[], node: string): string | undefined {
  const [file, ...args] = [...commands, 'test', '-x', node];
  const { status, error, stderr } = spawnSync(file!, args, {
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: HARDENING_PROBE_MS,
    encoding: 'utf8',
  });
  if (status === 0) return undefined;
  if (error !== undefined) return error.message;
  const said = stderr.trim().split('\n').at(-1)!.slice(0, 200);
  return said === '' ? `${node} cannot be run by another user` : said;
}

/** `wanted`: what the caller can do with; for measuring and for tests. One process when all of it works, some milliseconds each else. */
export function probeHardening(node: string, wanted: readonly Measure[] = MEASURES): Hardening {
  const measures = Object.fromEntries(MEASURES.map((measure) => [measure, 'not asked for'])) as Record<Measure, string>;
  if (process.platform === 'win32') return { wrap: () => [], measures };
  const root = process.geteuid?.() === 0;
  const paths = new Map<Program, string>();
  let steps = stepsFor(root).filter(({ measure, program }) => {
    if (!wanted.includes(measure)) return false;
    const path = process.platform === 'linux' || program === 'nice' ? pathOf(program) : undefined;
    if (path === undefined) measures[measure] = `there is no ${program}`;
    else if (measure === 'ownUser' && !root) measures[measure] = 'the daemon is not root';
    else paths.set(program, path);
    return path !== undefined && (measure !== 'ownUser' || root);
  });
  const hold = (step: Step, among: readonly Step[]): boolean =>
    step.needs === undefined || among.some(({ measure }) => step.needs!.includes(measure));
  const lacks = (step: Step): string => `needs ${step.needs!.join(' or ')}`;
  for (const step of steps) if (!hold(step, steps)) measures[step.measure] = lacks(step);
  steps = steps.filter((step) => hold(step, steps));
  if (steps.length > 0 && failure(chain(steps, paths, 0), node) !== undefined) {
    const kept: Step[] = [];
    for (const step of steps) {
      const why = hold(step, kept) ? failure(chain([...kept, step], paths, 0), node) : lacks(step);
      if (why === undefined) kept.push(step);
      else measures[step.measure] = why;
    }
    steps = kept;
  }
  for (const { measure } of steps) measures[measure] = 'on';
  return { wrap: (nth) => chain(steps, paths, nth), measures };
}
