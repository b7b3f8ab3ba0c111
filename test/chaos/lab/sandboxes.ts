/** The processes in which a daemon runs functions, found as an operator would find them. */
import { readdirSync, readFileSync } from 'node:fs';
import type { LogLine } from '../../support/daemon.ts';
import { ofProcess } from '../../support/process-memory.ts';
import { type Lab, type LabDaemon, pause } from './lab.ts';

/** An idle child is none of an attempt, and nothing is told of it. */
const NOTICED_MS_MAX = 1_000;

export const isLoss = (line: LogLine): boolean =>
  line.msg.startsWith('invocation failed') && line['errorType'] === 'Runtime.ExitError';

/**
 * SIGKILL to some of the processes that run its functions, and what it told of the attempts that were lost. The fault
 * lasts until it has told so: a request of the killed one may still be on its way through the daemon, and be heard later.
 */
export async function killSandboxes(
  lab: Lab,
  daemon: LabDaemon,
  most: number,
  random = lab.random,
): Promise<LogLine[]> {
  const { lines, pid } = daemon.process;
  const children = random.some(sandboxesOf(pid), most);
  if (children.length === 0) return [];
  const known = lines.filter(isLoss).length;
  const losses = (): LogLine[] => lines.filter(isLoss).slice(known);
  const id = await lab.beginFault('sandbox SIGKILL');
  for (const child of children) process.kill(child, 'SIGKILL');
  const deadline = performance.now() + NOTICED_MS_MAX;
  while (losses().length < children.length && performance.now() < deadline) await pause(5);
  const told = losses();
  const hit = told.map((line) => `${String(line['mapping'])}/${String(line['shard'])}`);
  // Where not all were told of it may have hit anything: on a full machine the daemon may tell of one later.
  await lab.healFault(id, 'sandbox SIGKILL', told.length < children.length ? undefined : hit);
  return told;
}

/** Children of any of its threads. */
export function sandboxesOf(daemonPid: number): number[] {
  const tasks = `/proc/${daemonPid}/task`;
  return ofProcess(() => readdirSync(tasks), [])
    .flatMap((thread) => read(`${tasks}/${thread}/children`).split(' '))
    .filter((pid) => pid !== '' && /child-[0-9a-f]+\.cjs/.test(read(`/proc/${pid}/cmdline`)))
    .map(Number);
}

function read(file: string): string {
  return ofProcess(() => readFileSync(file, 'utf8'), '');
}
