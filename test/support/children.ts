/** The sandbox's processes, as the system lists them. */
import { execFileSync } from 'node:child_process';

/** Process ids of children of the sandbox whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  const text = execFileSync('ps', ['-o', 'pid=,ppid=,args=', '-A'], { encoding: 'utf8' });
  return text
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null && Number(match[2]) === pid && /child-[0-9a-f]+\.cjs/.test(match[3]!))
    .map((match) => Number(match![1]));
}
