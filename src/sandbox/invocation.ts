/** One invocation on one child: the clock, the memory cap, the log's caps, the way out to the network, and the end. */
import { LOG_BYTES_MAX, LOG_FRAMES_MAPPED_MAX, LOG_LINES_MAX } from '../limits.ts';
import type { JobEnd, JobPorts, SandboxChild } from './child-process.ts';
import { JobRequests, type RequestsOf } from './job-requests.ts';
import { rssOf } from './memory.ts';
import { LOG_LEVELS, ProtocolError } from './protocol.ts';
import { scrub } from './scrub.ts';
import { mapStacks } from './source-map.ts';
import type { InvokeRequest } from './types.ts';

const MB = 1024 * 1024;
/** Reading RSS costs a few system calls: not after every short invocation. */
const RSS_AFTER_MS = 100;

export function peakMb(child: SandboxChild): number {
  return Math.ceil(child.peakRssBytes / MB);
}

/** Runs `start` under a wall clock: after `timeoutMs` the child is killed. What it had already answered by then still counts. */
export async function underClock(
  child: SandboxChild,
  timeoutMs: number,
  start: () => Promise<JobEnd>,
): Promise<JobEnd> {
  let settled = false;
  const timer = setTimeout(() => {
    // When this loop was late, the answer may be waiting in the pipe: reading comes before this immediate.
    setImmediate(() => {
      if (!settled) child.kill('timeout');
    });
  }, timeoutMs);
  try {
    return await start();
  } finally {
    settled = true;
    clearTimeout(timer);
    if (performance.now() - child.rssReadMono > RSS_AFTER_MS && child.alive) {
      const bytes = rssOf(child.pid);
      child.rssReadMono = performance.now();
      if (bytes > 0) child.rssBytes = bytes;
      if (bytes > child.peakRssBytes) child.peakRssBytes = bytes;
    }
  }
}

export interface RunningPorts extends JobPorts {
  /** Lines that were over the caps here (the isolate counts its own). */
  dropped(): number;
  /** Cancels every request that is still on its way. */
  end(): void;
}

interface PortsOf extends RequestsOf {
  readonly log: InvokeRequest['log'];
}

/** What a child may ask for while its job runs. The caps are the isolate's own, kept again here because a child is not trusted. */
export function jobPorts(of: PortsOf): RunningPorts {
  const { version, context } = of;
  const requests = new JobRequests(of);
  let lines = 0;
  let bytes = 0;
  let dropped = 0;
  const mappable = { frames: LOG_FRAMES_MAPPED_MAX };
  return {
    log(level, text) {
      if (lines >= LOG_LINES_MAX || bytes >= LOG_BYTES_MAX) {
        // The isolate counts too, and sends none beyond its caps.
        if (++dropped > LOG_LINES_MAX) throw new ProtocolError('a flood of log lines');
        return;
      }
      lines++;
      bytes += text.length;
      const shown = scrub(mapStacks(text, version.sourceMapPath, mappable), version.secrets);
      of.log({ level: LOG_LEVELS[level] ?? 'info', text: shown, requestId: context.requestId });
    },
    fetch: (id, head, body) => requests.start(id, head, body),
    fetchCancel: (id) => requests.cancel(id),
    dropped: () => dropped,
    end: () => requests.end(),
  };
}
