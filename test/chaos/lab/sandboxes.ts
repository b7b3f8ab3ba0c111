/** The processes in which a daemon runs functions, found as an operator would find them. */
import { readdirSync, readFileSync } from 'node:fs';

export function sandboxesOf(daemonPid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === daemonPid && /child-[0-9a-f]+\.cjs/.test(read(pid, 'cmdline')));
}

function parentOf(pid: number): number {
  // The name in parentheses may hold anything, so count from its end.
  return Number(read(pid, 'stat').split(') ').at(-1)?.split(' ')[1]);
}

/** Empty for a process that is gone meanwhile. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
