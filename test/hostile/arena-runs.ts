/** Starts a process with an arena and reads what it says. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CaseRun } from './arena.ts';
import type { Health, Order, Said } from './arena-process.ts';

const PROGRAM = fileURLToPath(new URL('arena-process.ts', import.meta.url));

export interface ArenaRuns {
  readonly runs: readonly CaseRun[];
  readonly health: Health;
}

/** Rejects when the process ends before it has given its last account: the daemon of the story died. */
export async function runArena(
  node: string,
  order: Order,
  onRun: (run: CaseRun) => void = () => undefined,
): Promise<ArenaRuns> {
  const args = ['--no-node-snapshot', '--no-warnings', '--expose-gc', PROGRAM, JSON.stringify(order)];
  const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const runs: CaseRun[] = [];
  let health: Health | null = null;
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4_000)));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as Said;
    if ('health' in said) health = said.health;
    else {
      runs.push(said.run);
      onRun(said.run);
    }
  }
  const code = await ended;
  if (health === null || code !== 0)
    throw new Error(`the process with the sandbox ended (${code}) after ${runs.length} runs: ${errors}`);
  return { runs, health };
}
