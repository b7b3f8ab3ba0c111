/** Resident memory and CPU time of a process, from outside of it. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';

const PAGE_BYTES = 4096;
const buffer = Buffer.alloc(512);
/** Of /proc/PID/stat, counted after the name; times in hundredths of a second, whatever the kernel counts in itself. */
const [USER_TIME_FIELD, SYSTEM_TIME_FIELD] = [11, 12];
const TICK_MS = 10;
let pageBytes = 0;

/** Bytes, or 0 when the process is gone. About 8 µs on Linux. */
export function rssOf(pid: number): number {
  if (process.platform !== 'linux') return rssByPs(pid);
  if (pageBytes === 0) pageBytes = measurePage();
  const pages = residentPages(`/proc/${pid}/statm`);
  return pages * pageBytes;
}

/** CPU time so far, in all threads; null when the process is gone, or where only `ps` could tell. About 10 µs. */
export function cpuMsOf(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  const text = firstBytes(`/proc/${pid}/stat`);
  // The name, in brackets, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length <= SYSTEM_TIME_FIELD) return null;
  return (Number(fields[USER_TIME_FIELD]) + Number(fields[SYSTEM_TIME_FIELD])) * TICK_MS;
}

function residentPages(path: string): number {
  return Number(firstBytes(path).split(' ', 2)[1] ?? 0);
}

/** Empty when the process is gone. */
function firstBytes(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    // The process is gone: it holds nothing.
    return '';
  }
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } catch {
    // ESRCH while reading: gone between open and read.
    return '';
  } finally {
    closeSync(fd);
  }
}

/** Our own figure in pages and in bytes tells the page size (4 KiB, or 16 or 64 on some ARM kernels). */
function measurePage(): number {
  const pages = residentPages('/proc/self/statm');
  const ratio = pages === 0 ? PAGE_BYTES : process.memoryUsage.rss() / pages;
  return [PAGE_BYTES, 16_384, 65_536].reduce((best, size) =>
    Math.abs(size - ratio) < Math.abs(best - ratio) ? size : best,
  );
}

function rssByPs(pid: number): number {
  try {
    return (
      Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8', timeout: 2_000 }).trim()) * 1024
    );
  } catch {
    // ps fails for a process that is gone.
    return 0;
  }
}
