/** One invocation on one child: the clock, the memory cap, the log's caps, the way out to the network, and the end. */
import {
  CHILD_OVERHEAD_MB,
  FETCH_HEAD_BYTES_MAX,
  FETCHES_IN_FLIGHT_MAX,
  LOG_BYTES_MAX,
  LOG_FRAMES_MAPPED_MAX,
  LOG_LINES_MAX,
} from '../limits.ts';
import type { JobEnd, JobPorts, SandboxChild } from './child-process.ts';
import type { Egress, EgressResult } from './egress/port.ts';
import { rssOf } from './memory.ts';
import { FETCH_DONE, FLAG_ERROR, LOG_LEVELS, packParts, ProtocolError } from './protocol.ts';
import type { FetchRequestHead } from './runtime/hooks.ts';
import { scrub } from './scrub.ts';
import { mapStacks } from './source-map.ts';
import type { FunctionVersion, InvocationContext, InvokeRequest, LeaseView } from './types.ts';

const MB = 1024 * 1024;
/** Reading RSS costs a few system calls: not after every short invocation. */
const RSS_AFTER_MS = 100;

/** Reads the child's memory and ends it when it is over its cap. */
export function checkMemory(child: SandboxChild, memorySizeMb: number): void {
  const bytes = rssOf(child.pid);
  child.rssReadMono = performance.now();
  if (bytes === 0) return;
  child.rssBytes = bytes;
  if (bytes > child.peakRssBytes) child.peakRssBytes = bytes;
  if (bytes > (memorySizeMb + CHILD_OVERHEAD_MB) * MB) child.kill('memory');
}

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

interface PortsOf {
  readonly child: SandboxChild;
  readonly version: FunctionVersion;
  readonly context: InvocationContext;
  readonly lease: LeaseView | null;
  readonly log: InvokeRequest['log'];
  readonly egress: Egress;
}

/** What a child may ask for while its job runs. The caps are the isolate's own, kept again here because a child is not trusted. */
export function jobPorts(of: PortsOf): RunningPorts {
  const { child, version, context, egress } = of;
  const requests = new Map<number, AbortController>();
  let lines = 0;
  let bytes = 0;
  let dropped = 0;
  const mappable = { frames: LOG_FRAMES_MAPPED_MAX };

  const answer = (id: number, result: EgressResult): void => {
    if (requests.delete(id) && child.alive) {
      const body = result.ok ? result.body : Buffer.alloc(0);
      const head = Buffer.from(JSON.stringify(result.ok ? result.head : result.error));
      const name = Buffer.allocUnsafe(4);
      name.writeUInt32LE(id, 0);
      child.send(FETCH_DONE, result.ok ? 0 : FLAG_ERROR, [name, packParts([head, body])]);
    }
  };

  return {
    log(level, text) {
      if (lines >= LOG_LINES_MAX || bytes >= LOG_BYTES_MAX) {
        dropped++;
        return;
      }
      lines++;
      bytes += text.length;
      const shown = scrub(mapStacks(text, version.sourceMapPath, mappable), version.secrets);
      of.log({ level: LOG_LEVELS[level] ?? 'info', text: shown, requestId: context.requestId });
    },
    fetch(id, headBytes, body) {
      if (requests.has(id)) throw new ProtocolError('a request id is used twice');
      if (requests.size >= FETCHES_IN_FLIGHT_MAX) throw new ProtocolError('too many requests at a time');
      const head = readRequestHead(headBytes);
      const abort = new AbortController();
      requests.set(id, abort);
      egress({ head, body }, { version, context, lease: of.lease, signal: abort.signal }).then(
        (result) => answer(id, result),
        (error: unknown) =>
          answer(id, {
            ok: false,
            error: {
              name: 'Error',
              message: error instanceof Error ? error.message : 'the request failed',
              code: 'ERR_EGRESS',
            },
          }),
      );
    },
    fetchCancel(id) {
      const abort = requests.get(id);
      requests.delete(id);
      abort?.abort();
    },
    dropped: () => dropped,
    end() {
      for (const abort of requests.values()) abort.abort();
      requests.clear();
    },
  };
}

function readRequestHead(bytes: Buffer): FetchRequestHead {
  if (bytes.length > FETCH_HEAD_BYTES_MAX) throw new ProtocolError('the head of a request is too large');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new ProtocolError('the head of a request is no JSON');
  }
  const head = value as Partial<Record<keyof FetchRequestHead, unknown>> | null;
  const isPair = (pair: unknown): boolean =>
    Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string' && typeof pair[1] === 'string';
  const redirects = ['follow', 'error', 'manual'];
  if (
    typeof head !== 'object' ||
    head === null ||
    typeof head.method !== 'string' ||
    typeof head.url !== 'string' ||
    !redirects.includes(head.redirect as string) ||
    !Array.isArray(head.headers) ||
    !head.headers.every(isPair)
  )
    throw new ProtocolError('the head of a request is malformed');
  return {
    method: head.method,
    url: head.url,
    headers: head.headers as [string, string][],
    redirect: head.redirect as FetchRequestHead['redirect'],
    ...(head.raw === true ? { raw: true } : {}),
  };
}
