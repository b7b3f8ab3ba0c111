/** Resident memory of any process, as the system tells it. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface ProcessMemory {
  readonly rssMb: number;
  /** The most it was, ever or since `forgetPeak`. */
  readonly peakRssMb: number;
}

/** null: it is gone. */
export function memoryOf(pid: number): ProcessMemory | null {
  const status = ofProcess(() => readFileSync(`/proc/${pid}/status`, 'latin1'), '');
  const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
  // One that has ended and was not waited for has a status without memory.
  return mb('VmRSS') === 0 ? null : { rssMb: mb('VmRSS'), peakRssMb: mb('VmHWM') };
}

/** From now on the peak is that from now on. */
export function forgetPeak(pid: number): void {
  ofProcess(() => writeFileSync(`/proc/${pid}/clear_refs`, '5'), undefined);
}

/** Processes end while they are looked at. */
export function ofProcess<T>(look: () => T, gone: T): T {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(String((error as NodeJS.ErrnoException).code))) return gone;
    throw error;
  }
}
