/** Stacks of processes that are no JavaScript of ours, as Linux's perf samples them: the children, whose isolate no profile of V8 sees, and Redis. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { frameOf, shortened, type Stacks } from './folded-stacks.ts';

const run = promisify(execFile);
const PER_SECOND = 499;
const TEXT_BYTES_MAX = 512 * 1024 * 1024;

export interface Sampled {
  readonly pid: number;
  /** Outermost first. */
  readonly frames: readonly string[];
}

/** Samples of CPU time of these processes during so many seconds; rejects where there is no perf, or it may not. */
export async function perfSamples(pids: readonly number[], seconds: number, dir: string): Promise<Sampled[]> {
  const file = path.join(dir, 'perf.data');
  const what = ['-q', '-F', String(PER_SECOND), '-e', 'cpu-clock', '-g', '-o', file, '-p', pids.join()];
  await run('perf', ['record', ...what, '--', 'sleep', String(seconds)]);
  const fields = ['-F', 'pid,ip,sym,dso', '--no-inline', '-i', file];
  const { stdout } = await run('perf', ['script', ...fields], { maxBuffer: TEXT_BYTES_MAX });
  return parsePerf(stdout);
}

/** `perf script` with pid, ip, sym and dso: a line with the process, one for each frame, innermost first, and an empty one. */
export function parsePerf(text: string): Sampled[] {
  return text.split('\n\n').flatMap((block) => {
    const [head, ...lines] = block.split('\n').filter((line) => line.trim() !== '');
    const pid = Number(head?.trim().split(/[\s/]/)[0]);
    if (!Number.isInteger(pid) || lines.length === 0) return [];
    const frames = lines.flatMap((line) => {
      const [, symbol, library] = /^\s*[0-9a-f]+ (.*) \((.*)\)$/.exec(line) ?? [];
      // Outside of every file: where the trail was lost. The C library's start says nothing.
      const empty = library === undefined || library === '[unknown]' || /^(__libc_start|start_thread)/.test(symbol!);
      return empty ? [] : [frameFor(symbol!, library)];
    });
    return [{ pid, frames: frames.toReversed() }];
  });
}

/** Of a native frame: a short name, and whose it is. */
function frameFor(symbol: string, library: string): string {
  const file = path.basename(library);
  const named = symbol
    .replaceAll('(anonymous namespace)::', '')
    .replace(/\+0x[0-9a-f]+$/, '')
    .replace(/[(<].*$/s, '');
  const name = symbol === '[unknown]' ? file : named;
  // The name of the call is that of the C library's function below it.
  if (/kernel|vmlinux/.test(library)) return frameOf('kernel', 'kernel');
  if (/redis-|valkey/.test(file)) return frameOf('redis-server', 'Redis');
  if (/isolated.vm/.test(library)) return frameOf(name, 'isolated-vm');
  // Where V8 puts what it has compiled.
  if (/^(perf-|anon|memfd)/.test(file)) return frameOf('compiled JavaScript', 'JavaScript');
  if (file !== 'node') return frameOf(name, file.split('.')[0]!);
  if (/^_Z/.test(name)) return frameOf('internals', 'V8');
  return frameOf(name, /^(v8|Builtins|cppgc|heap)/.test(name) ? 'V8' : 'Node');
}

/** How many samples each stack has. */
export function stacksOfSamples(samples: readonly Sampled[]): Stacks {
  const stacks = new Map<string, number>();
  for (const { frames } of samples) {
    const stack = shortened(frames.length > 0 ? frames : [frameOf('unknown', 'unknown')]).join(';');
    stacks.set(stack, (stacks.get(stack) ?? 0) + 1);
  }
  return stacks;
}
