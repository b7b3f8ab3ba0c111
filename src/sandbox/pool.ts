/** createSandbox: invoke(version, event, context) → outcome, on isolates in child processes. */
import { randomBytes } from 'node:crypto';
import { availableParallelism, totalmem } from 'node:os';
import { messageOf } from '../errors.ts';
import {
  CHILD_BASE_MB,
  CHILD_IDLE_MS,
  CHILD_LOSSES_AT_ONCE,
  CHILD_SUPERSEDED_IDLE_MS,
  CHILDREN_MAX,
  CHILDREN_MEMORY_SHARE,
  CHILDREN_PER_FUNCTION_SHARE,
  INIT_MS_MAX,
  MEMORY_WATCH_MS,
  SPARE_WATCH_MS,
  SPAWN_MS_MAX,
} from '../limits.ts';
import type { Log } from '../observe/log.ts';
import { type JobEnd, SandboxChild } from './child-process.ts';
import { Bundles } from './bundles.ts';
import { Children, type Slot } from './children.ts';
import type { Measure } from './hardening.ts';
import { CodeCaches } from './code-cache.ts';
import { watchCpu } from './cpu-watch.ts';
import type { Egress } from './egress/port.ts';
import { jobPorts, peakMb, type RunningPorts, underClock } from './invocation.ts';
import { Losses, lossReason, slowsDown } from './losses.ts';
import { MemoryWatch } from './memory-watch.ts';
import { outcomeOf } from './outcome.ts';
import { FLAG_ASCII, INIT, INVOKE, type InvokeHead, machineMs } from './protocol.ts';
import { initPayload, prepareScripts, type Script, type Scripts } from './scripts.ts';
import { mapFrame } from './source-map.ts';
import { Spares } from './spares.ts';
import { nativePath, spawnChild } from './spawn.ts';
import type {
  FunctionVersion,
  InvocationReport,
  InvokeOutcome,
  InvokeRequest,
  Sandbox,
  SandboxStats,
} from './types.ts';
import { WITHOUT_CHILD } from './without-child.ts';

const MB = 1024 * 1024;

export interface SandboxOptions {
  /** Where our own built scripts and code caches are kept. */
  readonly cacheDir: string;
  /** The prelude script (sandbox/runtime/), or null for the bootstrap's globals only. */
  readonly preludePath: string | null;
  readonly egress: Egress;
  readonly log: Log;
  /** Bounds other than those of limits.ts. */
  readonly childrenMax?: number;
  readonly childrenPerFunction?: number;
  readonly memoryMb?: number;
  readonly lossesAtOnce?: number;
  readonly idleMs?: number;
  /** Processes made ready ahead, before it is known for which function: a cold start then costs what the function's code costs. Default 1. */
  readonly spares?: number;
  /** For measuring what each costs. Default: all. */
  readonly hardening?: readonly Measure[];
  /** False, for measuring: busy children keep their priority. */
  readonly lowersBusy?: boolean;
  /** Another program in the children than ours: for trials of what this process makes of one that does not keep to the protocol. */
  readonly childProgram?: string;
}

/** Rejects with `sandbox-unavailable` where isolates cannot run at all. */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  nativePath();
  const scripts = await prepareScripts(options.cacheDir, options.preludePath);
  return new Pool(options, options.childProgram === undefined ? scripts : { ...scripts, child: options.childProgram });
}

type Initialised =
  /** `spentMs`: of the invocation's time. As in Lambda: loading that takes longer than its own phase is done in that. */
  | { readonly ok: true; readonly initMs: number | null; readonly spentMs: number }
  | { readonly ok: false; readonly outcome: InvokeOutcome };

const WARM = { ok: true, initMs: null, spentMs: 0 } as const;

class Pool implements Sandbox {
  readonly #options: SandboxOptions;
  readonly #scripts: Scripts;
  readonly #children: Children;
  readonly #bundles: Bundles;
  readonly #everyChild = new Set<SandboxChild>();
  readonly #spares: Spares;
  /** Function → cold starts, and the version that was invoked last. */
  readonly #seen = new Map<string, { version: string; coldStarts: number }>();
  readonly #losses = new Losses();
  readonly #watch: NodeJS.Timeout;
  readonly #memory = new MemoryWatch();
  #closing = false;

  constructor(options: SandboxOptions, scripts: Scripts) {
    this.#options = options;
    this.#scripts = scripts;
    const caches = new CodeCaches(options.cacheDir, options.log, () => (this.#closing ? null : this.#spawn()));
    this.#bundles = new Bundles(caches);
    // Not more processes at a time than half the cores: starting one is pure CPU, and running handlers come first.
    const spares = Math.min(options.spares ?? 1, Math.max(1, availableParallelism() >> 1));
    this.#spares = new Spares(scripts, caches, () => this.#spawn(), spares);
    const count = options.childrenMax ?? CHILDREN_MAX;
    const available = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
    this.#children = new Children({
      count,
      perFunction: options.childrenPerFunction ?? Math.max(1, Math.ceil(count * CHILDREN_PER_FUNCTION_SHARE)),
      memoryMb: (options.memoryMb ?? (available / MB) * CHILDREN_MEMORY_SHARE) - spares * CHILD_BASE_MB,
      atOnce: availableParallelism(),
      lossesAtOnce: options.lossesAtOnce ?? CHILD_LOSSES_AT_ONCE,
    });
    this.#watch = setInterval(() => this.#look(), MEMORY_WATCH_MS);
    this.#watch.unref();
  }

  async invoke(request: InvokeRequest): Promise<InvokeOutcome> {
    // An idle child that somebody killed is noticed when the event does not reach it: then, once, another one is tried. Not one that has waited, too:
    // what ended the first may have ended them all.
    return (
      (await this.#attempt(request, true)) ??
      (await this.#attempt(request, false)) ?? {
        kind: 'infrastructure',
        reason: 'children are lost before they take the event',
      }
    );
  }

  /** null when the child was gone before it took the event. */
  async #attempt(request: InvokeRequest, fromReserve: boolean): Promise<InvokeOutcome | null> {
    if (this.#closing) return WITHOUT_CHILD.closed;
    const { version } = request;
    const seen = this.#seen.get(version.name);
    this.#seen.set(version.name, { version: version.hash, coldStarts: seen?.coldStarts ?? 0 });
    const slot = await this.#children.acquire(version, request.context.mapping === undefined);
    if (slot === 'slowed') return { ...WITHOUT_CHILD.slowed, retryAfterMs: this.#children.holdOffMs(version) };
    if (typeof slot === 'string') return WITHOUT_CHILD[slot];
    const ready = slot.child !== null ? WARM : await this.#initialise(slot, request, fromReserve);
    if (ready === null) return null;
    if (!ready.ok) return ready.outcome;
    return this.#run(slot, slot.child!, request, ready);
  }

  holdOffMs(version: FunctionVersion): number {
    return this.#closing ? 0 : this.#children.holdOffMs(version);
  }

  stats(): SandboxStats[] {
    return [...this.#seen].map(([name, { version, coldStarts }]) => {
      let children = 0;
      let rssBytes = 0;
      for (const slot of this.#children.slots()) {
        if (slot.version.name !== name) continue;
        children++;
        rssBytes += slot.child?.rssBytes ?? 0;
      }
      const slowed = this.#children.slowed(version);
      return {
        ...{ function: name, version, children, rssBytes, coldStarts, ...this.#losses.of(name) },
        ...{ slowedForMs: slowed.forMs, startEveryMs: slowed.everyMs },
      };
    });
  }

  reserve(): { readonly processes: number; readonly rssBytes: number } {
    const children = this.#spares.children();
    return { processes: children.length, rssBytes: children.reduce((sum, { rssBytes }) => sum + rssBytes, 0) };
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#watch);
    this.#memory.close();
    this.#children.close();
    this.#spares.close();
    const all = [...this.#everyChild];
    for (const child of all) child.kill('closing');
    await Promise.all(all.map((child) => child.gone));
  }

  async #run(
    slot: Slot,
    child: SandboxChild,
    request: InvokeRequest,
    { initMs, spentMs }: { readonly initMs: number | null; readonly spentMs: number },
  ): Promise<InvokeOutcome | null> {
    const { version, context, event } = request;
    const timeoutMs = version.timeoutMs - spentMs;
    request.phase?.('invoke');
    const ports = jobPorts({
      child,
      version,
      context,
      lease: request.lease,
      log: request.log,
      egress: this.#options.egress,
    });
    const says: InvokeHead = {
      requestId: context.requestId,
      deadlineMs: machineMs() + timeoutMs,
      columns: request.columns ?? null,
      millrace: millraceOf(request),
    };
    const head = Buffer.from(JSON.stringify(says));
    const headBytes = Buffer.allocUnsafe(4);
    headBytes.writeUInt32LE(head.length, 0);
    const started = performance.now();
    const end = await underClock(child, timeoutMs, () =>
      child.run(INVOKE, request.ascii ? FLAG_ASCII : 0, [headBytes, head, event], ports),
    );
    if (end.kind === 'lost' && !end.delivered && child.killedFor === null) {
      ports.end();
      this.#children.drop(slot);
      return null;
    }
    const report = this.#reportOf(child, end, ports, performance.now() - started, initMs);
    return this.#settle(slot, child, request, end, ports, report);
  }

  /** Puts a process into the slot and loads the function in it; null when the process was gone before it took the function. */
  async #initialise(slot: Slot, request: InvokeRequest, fromReserve: boolean): Promise<Initialised | null> {
    const { version, context } = request;
    const started = performance.now();
    request.phase?.('init');
    const refuse = (outcome: InvokeOutcome, lost = false): Initialised => {
      this.#children.drop(slot, lost);
      return { ok: false, outcome };
    };
    let bundle: Script;
    try {
      bundle = await this.#bundles.of(version.bundlePath);
    } catch (error) {
      return refuse({
        kind: 'infrastructure',
        reason: `the bundle of ${version.name} cannot be read: ${messageOf(error)}`,
      });
    }
    if (this.#closing) return refuse(WITHOUT_CHILD.closed);
    const child = await this.#occupy(slot, version, fromReserve);
    if (child === null) {
      this.#children.drop(slot);
      return null;
    }
    if (!(child instanceof SandboxChild)) return refuse(child);
    this.#seen.get(version.name)!.coldStarts++;
    const ports = jobPorts({
      child,
      version,
      context,
      lease: request.lease,
      log: request.log,
      egress: this.#options.egress,
    });
    const payload = initPayload(version, bundle, logStreamName());
    const flags = bundle.ascii ? FLAG_ASCII : 0;
    const limitMs = Math.max(INIT_MS_MAX, version.timeoutMs);
    const loading = performance.now();
    const end = await underClock(child, limitMs, () => child.run(INIT, flags, payload, ports));
    const ended = performance.now();
    const initMs = ended - started;
    if (end.kind === 'lost' && !end.delivered && child.killedFor === null) {
      ports.end();
      this.#children.drop(slot);
      return null;
    }
    if (end.kind === 'initialised') {
      ports.end();
      slot.loaded = true;
      if (!this.#closing) this.#spares.fill(version.memorySizeMb);
      const loadMs = ended - loading;
      return { ok: true, initMs, spentMs: loadMs > INIT_MS_MAX ? loadMs : 0 };
    }
    const report = this.#reportOf(child, end, ports, initMs, initMs);
    return { ok: false, outcome: this.#settle(slot, child, request, end, ports, report, limitMs) };
  }

  /** Puts a process that is up into the slot. Otherwise what became of it: null when one from the reserve was lost, and another may be better. */
  async #occupy(
    slot: Slot,
    version: FunctionVersion,
    fromReserve: boolean,
  ): Promise<SandboxChild | InvokeOutcome | null> {
    const { child, ready, waited } = this.#spares.take(version.memorySizeMb, fromReserve);
    slot.child = child;
    child.version = version.hash;
    if (await Promise.race([ready, wait(SPAWN_MS_MAX).then(() => false)])) return child;
    if (this.#closing) return WITHOUT_CHILD.closed;
    const about = { function: version.name, stderr: child.lastWords.slice(0, 2000) };
    if (waited && !child.alive) {
      this.#options.log.warn(about, 'a child process in reserve was lost before it was used');
      return null;
    }
    this.#options.log.error(about, 'a child process could not be started');
    return { kind: 'infrastructure', reason: 'a child process could not be started' };
  }

  #reportOf(
    child: SandboxChild,
    end: JobEnd,
    ports: RunningPorts,
    durationMs: number,
    initMs: number | null,
  ): InvocationReport {
    const dropped = ports.dropped() + ('dropped' in end ? end.dropped : 0);
    return {
      durationMs,
      ...(initMs === null ? {} : { initDurationMs: initMs }),
      maxMemoryUsedMb: peakMb(child),
      ...(dropped === 0 ? {} : { droppedLogLines: dropped }),
    };
  }

  /** The child goes back to the others or away, and the end becomes an outcome. */
  #settle(
    slot: Slot,
    child: SandboxChild,
    request: InvokeRequest,
    end: JobEnd,
    ports: RunningPorts,
    report: InvocationReport,
    timeoutMs = request.version.timeoutMs,
  ): InvokeOutcome {
    ports.end();
    const { version, context } = request;
    const outcome = outcomeOf({
      end,
      killedFor: child.killedFor === 'used-up' ? null : child.killedFor,
      requestId: context.requestId,
      timeoutMs,
      memorySizeMb: version.memorySizeMb,
      secrets: version.secrets,
      report,
      mapFrame: (line) => mapFrame(line, version.sourceMapPath),
    });
    const good = end.kind === 'result' || (end.kind === 'failure' && !end.fatal);
    const reason = good ? null : lossReason(outcome, child.killedFor, !slot.loaded);
    if (reason !== null && outcome.kind === 'function-error') {
      const { mapping } = context;
      this.#losses.count(version.name, {
        ...{ timeMs: Date.now(), reason, mapping: mapping?.name ?? null, shardId: mapping?.shardId ?? null },
        ...{ errorType: outcome.error.errorType, errorMessage: outcome.error.errorMessage },
      });
    }
    if (good) this.#children.release(slot);
    else this.#children.drop(slot, reason !== null && slowsDown(reason, end, child.killedFor));
    return outcome;
  }

  #spawn(): SandboxChild {
    const child = new SandboxChild(spawnChild(this.#scripts.child, this.#options.hardening));
    this.#everyChild.add(child);
    void child.gone.then(() => {
      this.#everyChild.delete(child);
      this.#spares.forget(child);
      // An idle child that somebody else killed leaves its place at once.
      for (const slot of this.#children.idle()) if (slot.child === child) this.#children.drop(slot);
    });
    return child;
  }

  #look(): void {
    const now = performance.now();
    for (const slot of [...this.#children.slots()]) {
      const { child } = slot;
      if (child === null) continue;
      if (this.#options.lowersBusy !== false) watchCpu(child, !slot.loaded);
      // One that waits runs nothing, unless somebody has taken it over.
      if (child.busy || now - child.rssReadMono > SPARE_WATCH_MS) this.#memory.look(child, slot.version.memorySizeMb);
    }
    // In these nothing but our own code has run: what they hold is counted, and no more than any child's overhead.
    for (const child of this.#spares.children()) {
      if (now - child.rssReadMono > SPARE_WATCH_MS) this.#memory.look(child, 0);
    }
    for (const slot of [...this.#children.idle()]) {
      const superseded = this.#seen.get(slot.version.name)?.version !== slot.version.hash;
      const mayIdle = superseded ? CHILD_SUPERSEDED_IDLE_MS : (this.#options.idleMs ?? CHILD_IDLE_MS);
      if (slot.child !== null && now - slot.child.idleSinceMono > mayIdle) this.#children.drop(slot);
    }
  }
}

function millraceOf(request: InvokeRequest): unknown {
  const { mapping } = request.context;
  if (mapping === undefined) return undefined;
  const { name, shardId, epoch, attempt, firstSequenceNumber, lastSequenceNumber } = mapping;
  return { mapping: name, shardId, epoch, attempt, firstSequenceNumber, lastSequenceNumber };
}

function logStreamName(): string {
  return `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${randomBytes(16).toString('hex')}`;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
