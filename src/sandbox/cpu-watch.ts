/** Looks at what a child uses of the CPU, from outside, and has it give way when that is much. */
import type { SandboxChild } from './child-process.ts';
import { cpuMsOf } from './memory.ts';

export function watchCpu(child: SandboxChild, loading: boolean): void {
  child.priority.catchUp();
  const cpuMs = child.busy ? cpuMsOf(child.pid) : null;
  if (cpuMs !== null) child.priority.used(child.jobs, cpuMs, loading);
}
