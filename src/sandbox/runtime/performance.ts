/** performance and node:perf_hooks: marks and measures are kept and told to observers; the clock has milliseconds. */
import { DOMException } from './dom-exception.ts';
import { hooks, nowMs } from './host.ts';
import { unsupported } from './node/unsupported.ts';

const timeOrigin = nowMs() - hooks.monoMs();

export class PerformanceEntry {
  readonly name: string;
  readonly entryType: string;
  readonly startTime: number;
  readonly duration: number;
  readonly detail: unknown;
  constructor(name: string, entryType: string, startTime: number, duration: number, detail: unknown) {
    this.name = name;
    this.entryType = entryType;
    this.startTime = startTime;
    this.duration = duration;
    this.detail = detail;
  }
  toJSON(): object {
    const { name, entryType, startTime, duration, detail } = this;
    return { name, entryType, startTime, duration, detail };
  }
}

export class PerformanceMark extends PerformanceEntry {
  constructor(name: unknown, options: { startTime?: number; detail?: unknown } = {}) {
    super(String(name), 'mark', options?.startTime ?? hooks.monoMs(), 0, options?.detail ?? null);
  }
}

export class PerformanceMeasure extends PerformanceEntry {}

interface MeasureOptions {
  start?: string | number;
  end?: string | number;
  duration?: number;
  detail?: unknown;
}

let entries: PerformanceEntry[] = [];
const observers = new Set<(entry: PerformanceEntry) => void>();

function record<T extends PerformanceEntry>(entry: T): T {
  entries.push(entry);
  for (const tell of observers) tell(entry);
  return entry;
}

function momentOf(mark: string | number | undefined, fallback: number): number {
  if (mark === undefined) return fallback;
  if (typeof mark === 'number') return mark;
  const found = entries.findLast((entry) => entry.entryType === 'mark' && entry.name === mark);
  if (found === undefined) throw new DOMException(`The "${mark}" performance mark has not been set`, 'SyntaxError');
  return found.startTime;
}

function forget(type: string, name?: string): void {
  entries = entries.filter((entry) => entry.entryType !== type || (name !== undefined && entry.name !== name));
}

const IDLE = { idle: 0, active: 0, utilization: 0 };

export class Performance {
  get timeOrigin(): number {
    return timeOrigin;
  }
  now(): number {
    return hooks.monoMs();
  }
  mark(name: unknown, options?: { startTime?: number; detail?: unknown }): PerformanceMark {
    return record(new PerformanceMark(name, options));
  }
  measure(name: string, startOrOptions?: string | MeasureOptions, endMark?: string): PerformanceMeasure {
    const options = typeof startOrOptions === 'object' ? startOrOptions : { start: startOrOptions, end: endMark };
    const { duration } = options as MeasureOptions;
    const end =
      options.end === undefined && duration !== undefined && options.start !== undefined
        ? momentOf(options.start, 0) + duration
        : momentOf(options.end, hooks.monoMs());
    const start = options.start === undefined && duration !== undefined ? end - duration : momentOf(options.start, 0);
    const { detail } = options as MeasureOptions;
    return record(new PerformanceMeasure(String(name), 'measure', start, end - start, detail ?? null));
  }
  getEntries(): PerformanceEntry[] {
    return [...entries].sort((a, b) => a.startTime - b.startTime);
  }
  getEntriesByName(name: string, type?: string): PerformanceEntry[] {
    return this.getEntries().filter((entry) => entry.name === name && (type === undefined || entry.entryType === type));
  }
  getEntriesByType(type: string): PerformanceEntry[] {
    return this.getEntries().filter((entry) => entry.entryType === type);
  }
  clearMarks(name?: string): void {
    forget('mark', name);
  }
  clearMeasures(name?: string): void {
    forget('measure', name);
  }
  clearResourceTimings(): void {}
  setResourceTimingBufferSize(): void {}
  eventLoopUtilization(): object {
    return { ...IDLE };
  }
  timerify<T>(fn: T): T {
    return fn;
  }
  toJSON(): object {
    return { timeOrigin, eventLoopUtilization: { ...IDLE } };
  }
  get [Symbol.toStringTag](): string {
    return 'Performance';
  }
}

type Told = (list: object, observer: PerformanceObserver) => void;

export class PerformanceObserver {
  static readonly supportedEntryTypes: readonly string[] = ['mark', 'measure'];
  readonly #tell: Told;
  #kept: PerformanceEntry[] = [];
  #types = new Set<string>();
  readonly #listener = (entry: PerformanceEntry) => {
    if (!this.#types.has(entry.entryType)) return;
    if (this.#kept.push(entry) === 1) setImmediate(() => this.#deliver());
  };
  constructor(tell: Told) {
    this.#tell = tell;
  }
  observe(options: { entryTypes?: readonly string[]; type?: string }): void {
    this.#types = new Set(options.entryTypes ?? [options.type ?? '']);
    observers.add(this.#listener);
  }
  disconnect(): void {
    observers.delete(this.#listener);
    this.#kept = [];
  }
  takeRecords(): PerformanceEntry[] {
    return this.#kept.splice(0);
  }
  #deliver(): void {
    const list = this.takeRecords();
    if (list.length === 0) return;
    const named = (name: string) => list.filter((entry) => entry.name === name);
    const typed = (type: string) => list.filter((entry) => entry.entryType === type);
    this.#tell({ getEntries: () => list, getEntriesByName: named, getEntriesByType: typed }, this);
  }
}

export const performance = new Performance();

export const perfHooks = unsupported('perf_hooks', {
  performance,
  Performance,
  PerformanceEntry,
  PerformanceMark,
  PerformanceMeasure,
  PerformanceObserver,
  eventLoopUtilization: () => ({ ...IDLE }),
  timerify: <T>(fn: T): T => fn,
  constants: {},
});
