/** The progress bar of `stream put`: on a terminal only, on standard error. */
import { fstatSync } from 'node:fs';
import cliProgress from 'cli-progress';

export interface Progress {
  update(bytes: number, records: number): void;
  stop(): void;
}

/** With a file as standard input its size is known, and so is how far we are. */
export function startProgress(name: string, inputFd: number): Progress {
  if (process.stderr.isTTY !== true) return { update: () => undefined, stop: () => undefined };
  const stat = fstatSync(inputFd);
  const total = stat.isFile() ? stat.size : 0;
  const place = total > 0 ? '{bar} {percentage}%  ' : '';
  const bar = new cliProgress.SingleBar({
    format: `${name}  ${place}{records} records  {rate}/s  {duration_formatted}`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 30,
    fps: 10,
  });
  const started = performance.now();
  bar.start(Math.max(1, total), 0, { records: 0, rate: 0 });
  return {
    update(bytes, records) {
      const rate = Math.round(records / Math.max(0.001, (performance.now() - started) / 1000));
      bar.update(Math.min(bytes, Math.max(1, total)), { records, rate });
    },
    stop: () => bar.stop(),
  };
}
