/** One run of `millrace dev`: looks at the status, shows it, and reloads what changed, until there is a reason to end. */
import { MillraceError } from '../../errors.ts';
import { DEV_DRAW_EVERY_MS, DEV_LINE_EVERY_MS } from '../../limits.ts';
import type { Config } from '../../mapping/types.ts';
import { collectStatus } from '../../observe/status.ts';
import type { Redis } from '../../redis/connect.ts';
import type { Keys } from '../../redis/keys.ts';
import { systemClock } from '../../time.ts';
import { watchChanges } from './changes.ts';
import { isDrained, type MappingProgress, Progress } from './progress.ts';
import type { Screen } from './screen.ts';
import { countNotices, readRetries, type Retries, summaryLines } from './summary.ts';
import { type Paint, plainLines, type View, viewLines } from './view.ts';

/** What `dev` needs of a daemon. */
export interface DevDaemon {
  /** HOST:PORT of /metrics; null when off. */
  readonly http: string | null;
  reload(config: Config): Promise<void>;
  stop(): Promise<void>;
  abort(): Promise<void>;
}

export interface SessionParts {
  readonly title: string;
  readonly untilDrained: boolean;
  /** Has seen what was settled before this run. */
  readonly progress: Progress;
  readonly config: Config;
  /** Reads the configuration again; throws a MillraceError when it is wrong. */
  readonly load: () => Config;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly daemon: DevDaemon;
  readonly screen: Screen;
  readonly paint: Paint;
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** Lines of the caller's own below the view. */
  readonly footer: () => readonly string[];
}

export class Session {
  private readonly parts: SessionParts;
  private readonly beganMs = systemClock.monoMs();
  private readonly watch: { close(): void };
  private config: Config;
  private latest: readonly MappingProgress[] = [];
  private drainedMs: number | undefined;
  private lastLineMs = Number.NEGATIVE_INFINITY;
  private retries: Retries = null;
  private reloading: Promise<void> = Promise.resolve();

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.config = parts.config;
    const watched = () => ({
      files: this.config.files,
      code: [...this.config.functions.values()].map((fn) => fn.code),
    });
    this.watch = watchChanges(watched, () => {
      this.reloading = this.reloading.then(() => this.reload());
    });
  }

  /** The configuration that runs now. */
  get current(): Config {
    return this.config;
  }

  /** Until everything is drained (when that was asked for), or the signal. */
  async untilEnd(): Promise<void> {
    const { untilDrained, signal, daemon, screen } = this.parts;
    let inARow = 0;
    // On a terminal it stays below the view.
    if (!screen.live) screen.print(this.footer());
    while (!signal.aborted) {
      const atMs = systemClock.monoMs() - this.beganMs;
      // Twice: between the settle of a batch and the next one a shard can look idle.
      inARow = (await this.look()) ? inARow + 1 : 0;
      if (inARow === 1) this.drainedMs = atMs;
      if (inARow >= 2 && untilDrained) break;
      await systemClock.sleep(DEV_DRAW_EVERY_MS, signal);
    }
    this.watch.close();
    await this.reloading;
    this.retries = await readRetries(daemon.http);
  }

  /** True when nothing is left to do. */
  private async look(): Promise<boolean> {
    const status = await collectStatus(this.parts.redis, this.parts.keys);
    this.latest = this.parts.progress.next(status);
    this.show(Date.parse(status.time));
    const refused = status.daemons.flatMap((one) => one.conflicts ?? []);
    if (refused.length > 0 && this.parts.untilDrained) throw notServed(refused);
    const expected = [...this.config.mappings.values()].filter((mapping) => mapping.enabled);
    return isDrained(
      status,
      expected.map(({ name }) => name),
    );
  }

  /** Where to look and what to talk to. */
  private footer(): string[] {
    const { daemon, redis } = this.parts;
    const metrics = daemon.http === null ? [] : [`metrics http://${daemon.http}/metrics`];
    const { host, port } = redis.options;
    return [...this.parts.footer(), [`Redis redis://${host}:${port}`, ...metrics, 'Ctrl-C ends it'].join('   ')];
  }

  private show(nowMs: number): void {
    const { title, screen, paint } = this.parts;
    const elapsedMs = systemClock.monoMs() - this.beganMs;
    if (!screen.live && elapsedMs - this.lastLineMs < DEV_LINE_EVERY_MS) return;
    this.lastLineMs = elapsedMs;
    const view: View = { title, elapsedMs, nowMs, mappings: this.latest, footer: this.footer() };
    if (screen.live) screen.draw(viewLines(view, { columns: screen.columns, rows: screen.rows, paint }));
    else screen.print(plainLines(view));
  }

  /** All or nothing: what is wrong is said, and the last good configuration goes on. */
  private async reload(): Promise<void> {
    const { load, daemon, screen } = this.parts;
    try {
      const next = load();
      await daemon.reload(next);
      this.config = next;
      screen.print(['Reloaded: the change takes effect from the next batch on.']);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      const hint = error.hint === undefined ? [] : [`  ${error.hint}`];
      screen.print([`Not reloaded, the last good version goes on: ${error.message}`, ...hint]);
    }
  }

  /** After the daemon has stopped. */
  async summary(): Promise<{ lines: string[]; progress: readonly MappingProgress[] }> {
    const { redis, keys } = this.parts;
    const progress = this.parts.progress.next(await collectStatus(redis, keys));
    const streams = [...this.config.mappings.values()].map(
      ({ name, onFailureStream }) => [name, onFailureStream ?? keys.failures(name)] as const,
    );
    const notices = await countNotices(redis, new Map(streams));
    const drained = this.drainedMs !== undefined && progress.every((one) => one.lag === 0);
    const tookMs = drained ? this.drainedMs! : systemClock.monoMs() - this.beganMs;
    return { lines: summaryLines(progress, { tookMs, drained, retries: this.retries, notices }), progress };
  }

  close(): void {
    this.watch.close();
  }
}

/** Without this a mapping that nobody works on would look drained, or never be. */
function notServed(names: readonly string[]): MillraceError {
  return new MillraceError(
    'source-conflict',
    `not served, because the name has another source in this Redis: ${names.join(', ')}`,
    {
      hint: 'Give the mapping a new name; or, while millrace dev runs, on its Redis: millrace mapping forget NAME --yes',
    },
  );
}
