/** A child never outlives its daemon by more than a second, whatever it is doing: the daemon is killed in the midst of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { MEASURES } from '../../src/sandbox/hardening.ts';
import { eventually } from '../support/daemon.ts';
import { isRunning } from '../support/sandbox.ts';
import type { Doom } from './doomed-parent.ts';

const SAYS = "console.log('at work');";
const body = (text: string): string => `exports.handler = async (event) => { ${SAYS} ${text} };`;

const CASES: readonly (readonly [string, string])[] = [
  ['spins', body('for (;;);')],
  ['in a regular expression', body('/^(a+)+$/.test("a".repeat(50) + "!");')],
  ['in a sort of V8’s own', body('const a = []; a[2 ** 32 - 2] = 1; a.length = 2 ** 32 - 1; a.sort();')],
  ['awaits a timer', body('await new Promise((r) => setTimeout(r, 1e6));')],
  ['endless microtasks', body('for (;;) await 0;')],
  ['allocates', body('const a = []; for (;;) { a.push(new Array(1000).fill({})); if (a.length > 1e4) a.length = 0; }')],
  ['floods the log', body('for (;;) console.log("x".repeat(8000));')],
  ['in a request that is not answered', body('await fetch(event.url);')],
  ['spins while it loads', `${SAYS} for (;;);`],
  ['awaits while it loads', `${SAYS} setInterval(() => 0, 1000); module.exports = new Promise(() => {});`],
];
const ALL = MEASURES;
const WATCHED = MEASURES.filter((measure) => measure !== 'diesWithDaemon');

const started: ChildProcess[] = [];
afterEach(() => {
  for (const parent of started.splice(0)) parent.kill('SIGKILL');
});

/** Process ids whose parent is `pid`. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/stat`))
    .map(Number)
    .filter((one) => parentOf(one) === pid);
}

function parentOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    // It went between the two looks.
    return -1;
  }
}

async function killInTheMidst(doom: Doom): Promise<number[]> {
  const program = fileURLToPath(new URL('doomed-parent.ts', import.meta.url));
  const args = ['--no-node-snapshot', '--no-warnings', program, JSON.stringify(doom)];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(parent);
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
  const children = childrenOf(parent.pid!);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  rmSync(chunk.toString().trim(), { recursive: true, force: true });
  return children;
}

describe.each([
  ['the kernel ends them', ALL],
  ['a thread of theirs watches for the end', WATCHED],
] as const)('%s:', (_how, measures) => {
  test.each(CASES)('%s', async (_name, module) => {
    if (process.platform !== 'linux') return;
    const children = await killInTheMidst({ measures, modules: [module], atOnce: false });
    expect(children.length).toBeGreaterThan(0);
    expect(children.filter(isRunning)).toEqual([]);
  });

  test('being started, at any moment of it', async () => {
    if (process.platform !== 'linux') return;
    for (let i = 0; i < 3; i++) {
      const children = await killInTheMidst({
        measures,
        modules: CASES.slice(0, 3).map(([, text]) => text),
        atOnce: true,
      });
      // Those that had not got to their own program yet end by themselves: they find another parent, or nobody at their pipe.
      await eventually(
        () => children.filter(isRunning),
        (alive) => alive.length === 0,
        {
          ...{ what: 'the end of children that were being started', withinMs: 10_000 },
        },
      );
    }
  });
});
