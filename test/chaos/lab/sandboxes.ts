/** The processes in which a daemon runs functions, found as an operator would find them. */
import { readdirSync, readFileSync } from 'node:fs';
import { ofProcess } from '../../support/process-memory.ts';

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
