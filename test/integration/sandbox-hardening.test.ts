/** What a child process may do, read from the kernel while it is at work; for a daemon with all rights, with few, and with none. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { getPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CHILD_DESCRIPTORS_MAX, CHILD_THREADS_MAX, CHILD_NICE } from '../../src/limits.ts';
import { MEASURES, type Measure, probeHardening } from '../../src/sandbox/hardening.ts';

const PARENT = fileURLToPath(new URL('../support/hardened-parent.ts', import.meta.url));
const linux = process.platform === 'linux';
const root = process.geteuid?.() === 0;

interface Facts {
  readonly measures: Readonly<Record<Measure, string>>;
  readonly outcome: { readonly kind: string; readonly result?: string };
  /** Of the child, from /proc. */
  readonly status: Readonly<Record<string, string>>;
  readonly limits: string;
  readonly fds: Readonly<Record<string, string>>;
  readonly environment: string;
  readonly directory: string;
  readonly interfaces: string[];
  readonly routes: string;
  readonly namespaces: Readonly<Record<'net' | 'ipc', boolean>>;
  readonly priority: string;
}

/** Once the one is gone that makes code caches. */
async function onlyChildOf(parent: number): Promise<string> {
  for (let looks = 0; looks < 500; looks++) {
    const listed = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(parent)], { encoding: 'utf8' });
    const pids = [...listed.matchAll(/^\s*(\d+) .*child-[0-9a-f]+\.cjs/gm)].map((match) => match[1]!);
    if (pids.length === 1) return pids[0]!;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the daemon has no one child');
}

/** Starts a daemon in miniature behind `wrapper` and reads what its child is. */
async function childOf(wrapper: readonly string[]): Promise<Facts> {
  const [file, ...args] = [...wrapper, process.execPath, PARENT];
  const parent = spawn(file!, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { SECRET: 'of the daemon' } });
  try {
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    const said = JSON.parse(chunk.toString()) as Pick<Facts, 'measures' | 'outcome'>;
    const pid = await onlyChildOf(parent.pid!);
    const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');
    const same = (name: string): boolean =>
      readlinkSync(`/proc/${pid}/ns/${name}`) === readlinkSync(`/proc/self/ns/${name}`);
    const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => [fd, readlinkSync(`/proc/${pid}/fd/${fd}`)]);
    return {
      ...said,
      status: Object.fromEntries(
        read('status')
          .split('\n')
          .map((line) => line.split(':\t') as [string, string]),
      ),
      limits: read('limits'),
      fds: Object.fromEntries(fds) as Record<string, string>,
      environment: read('environ'),
      directory: readlinkSync(`/proc/${pid}/cwd`),
      interfaces: [...read('net/dev').matchAll(/^\s*(\w+):/gm)].map((match) => match[1]!),
      routes: read('net/route').trim().split('\n').slice(1).join(),
      namespaces: { net: !same('net'), ipc: !same('ipc') },
      priority: read('stat').split(') ')[1]!.split(' ')[16]!,
    };
  } finally {
    parent.stdin.end();
    await once(parent, 'exit');
  }
}

const limitOf = (facts: Facts, name: string): number =>
  Number(new RegExp(`^${name} +\\d+ +(\\d+)`, 'm').exec(facts.limits)?.[1]);

function expectBounded(facts: Facts): void {
  expect(facts.outcome).toMatchObject({ kind: 'ok', result: '7' });
  expect(facts.environment).toBe('');
  expect(facts.directory).toBe('/');
  expect(facts.priority).toBe(String(getPriority() + CHILD_NICE));
  // 0, 2 and the wire are sockets to the daemon; what else there is Node made for itself (event loop, wake-ups, /dev/null).
  const sockets = Object.entries(facts.fds).filter(([, to]) => !/^anon_inode:|^\/dev\/null$/.test(to));
  expect(
    sockets.map(([fd, to]) => `${fd} ${to.replace(/\d+/, 'n')}`).filter((line) => !/^\d+ pipe:/.test(line)),
  ).toEqual(['0 socket:[n]', '2 socket:[n]', '3 socket:[n]']);
  expect(facts.status).toMatchObject({
    NoNewPrivs: '1',
    CapEff: '0'.repeat(16),
    CapPrm: '0'.repeat(16),
    CapInh: '0'.repeat(16),
    CapAmb: '0'.repeat(16),
  });
  expect(limitOf(facts, 'Max core file size')).toBe(0);
  expect(limitOf(facts, 'Max file size')).toBe(0);
  expect(limitOf(facts, 'Max open files')).toBe(CHILD_DESCRIPTORS_MAX);
}

function expectNoNetwork(facts: Facts): void {
  expect(facts.namespaces).toEqual({ net: true, ipc: true });
  expect(facts.interfaces).toEqual(['lo']);
  expect(facts.routes).toBe('');
  expect(limitOf(facts, 'Max processes')).toBe(CHILD_THREADS_MAX);
}

const works = (command: readonly string[]): boolean =>
  spawnSync(command[0]!, [...command.slice(1), 'true']).status === 0;
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
/** As in a container that may do nothing: root by name, without a capability, and no namespaces to be had. */
const POWERLESS = [
  ...['unshare', '--user', '--map-root-user', 'sh', '-c'],
  'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"',
  'sh',
];

describe('a child', () => {
  test('of this user has what its daemon says it has', async () => {
    if (!linux) return;
    const facts = await childOf([]);
    expectBounded(facts);
    if (facts.measures.network === 'on') expectNoNetwork(facts);
    if (!root) return;
    expect(facts.measures).toEqual(Object.fromEntries(MEASURES.map((measure) => [measure, 'on'])));
    const [uid] = facts.status.Uid!.split('\t');
    expect(Number(uid)).toBeGreaterThanOrEqual(61_184);
    expect(facts.status.Uid).toBe([uid, uid, uid, uid].join('\t'));
    expect(facts.status.Gid).toBe(facts.status.Uid);
    expect(facts.status.Groups!.trim()).toBe('');
    expect(facts.status.CapBnd).toBe('0'.repeat(16));
  });

  test('of an ordinary user is bounded as well, by a namespace of users', async () => {
    if (!root || !works(NOBODY)) return;
    const facts = await childOf(NOBODY);
    expectBounded(facts);
    expect(facts.measures.ownUser).toBe('the daemon is not root');
    if (facts.measures.network === 'on') expectNoNetwork(facts);
    expect(facts.status.Uid).toBe('65534\t65534\t65534\t65534');
  });

  test('runs where the system allows nothing, and the daemon says what is missing', async () => {
    if (!works(POWERLESS)) return;
    const facts = await childOf(POWERLESS);
    expectBounded(facts);
    const { network, ipc, ownUser, processes, ...others } = facts.measures;
    expect([network, ipc]).toEqual(Array(2).fill(expect.stringMatching(/unshare.*failed/)));
    expect(ownUser).toMatch(/failed/);
    expect(processes).toBe('needs ownUser');
    expect(new Set(Object.values(others))).toEqual(new Set(['on']));
    expect(facts.namespaces).toEqual({ net: false, ipc: false });
  });
});

describe('the trial of what works', () => {
  test('leaves out what is not asked for, and what a missing measure would need', () => {
    const { measures, wrap } = probeHardening(process.execPath, ['priority', 'processes']);
    expect(measures.network).toBe('not asked for');
    expect(measures.processes).not.toBe('on');
    expect(measures.priority).toBe('on');
    expect(wrap(0).join(' ')).toMatch(new RegExp(`nice -n ${CHILD_NICE}$`));
  });

  test('gives no two children in a row the same user', () => {
    if (!root) return;
    const { wrap } = probeHardening(process.execPath);
    const uid = (nth: number): string => /--reuid=(\d+)/.exec(wrap(nth).join(' '))![1]!;
    expect(new Set([0, 1, 2, 3].map(uid)).size).toBe(4);
    expect(uid(0)).toBe(uid(4_336));
  });
});
