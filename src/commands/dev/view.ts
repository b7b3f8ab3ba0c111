/** The live view of `millrace dev` as lines of text. Pure: what is drawn where is screen.ts's affair. */
import type { BlockedStatus } from '../../observe/status-types.ts';
import type { MappingProgress, ShardProgress } from './progress.ts';

export interface View {
  /** What runs: the configuration's path. */
  readonly title: string;
  readonly elapsedMs: number;
  readonly nowMs: number;
  readonly mappings: readonly MappingProgress[];
  /** Lines below the table, e.g. where the metrics are. */
  readonly footer: readonly string[];
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';
export type Paint = (style: Style, text: string) => string;

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
}

const SHARD_WIDTHS = { shard: 22, state: 14, position: 38, settled: 10, rate: 9, lag: 9 } as const;

/** Blocked shards that a plain line tells of. */
const PLAIN_BLOCKED_MAX = 2;
const ERROR_CHARS_MAX = 100;

/** At most `frame.rows` lines, none wider than the terminal. */
export function viewLines(view: View, frame: Frame): string[] {
  const { paint } = frame;
  const head = `${paint('bold', 'millrace dev')}  ${view.title}  ${clock(view.elapsedMs)}`;
  const foot = view.footer.map((line) => paint('dim', cut(line, frame.columns)));
  const room = Math.max(frame.rows - 2 - foot.length, view.mappings.length);
  const each = Math.floor(room / Math.max(view.mappings.length, 1));
  const body = view.mappings.flatMap((mapping) => mappingLines(mapping, view.nowMs, each, frame));
  return [head, ...body, ...foot];
}

function mappingLines(progress: MappingProgress, nowMs: number, room: number, frame: Frame): string[] {
  const { mapping } = progress;
  const title = `${frame.paint('bold', mapping.name)}  ${totals(progress)}`;
  if (progress.shards.length === 0) return [title, cut('  waiting for its stream', frame.columns)].slice(0, room);
  const wanted = progress.shards.toSorted(byInterest).map((shard) => shardLines(shard, nowMs, frame));
  const heading = frame.paint('dim', cut(row('shard', 'state', 'position', 'settled', 'per s', 'lag'), frame.columns));
  const shown: string[] = [];
  let left = wanted.length;
  for (const lines of wanted) {
    // One line is kept for what does not fit.
    if (shown.length + lines.length > room - 3) break;
    shown.push(...lines);
    left -= 1;
  }
  const rest = left > 0 ? [frame.paint('dim', `  … and ${left} more ${left === 1 ? 'shard' : 'shards'}`)] : [];
  return [title, heading, ...shown, ...rest].slice(0, room);
}

/** Blocked ones first, then by name: the order does not jump about. */
function byInterest(a: ShardProgress, b: ShardProgress): number {
  return (
    Number(b.shard.blocked !== null) - Number(a.shard.blocked !== null) || (a.shard.shardId < b.shard.shardId ? -1 : 1)
  );
}

function shardLines({ shard, settled, perSecond }: ShardProgress, nowMs: number, frame: Frame): string[] {
  const text = row(
    shard.shardId,
    shard.state,
    shard.checkpoint ?? '-',
    count(settled),
    count(perSecond),
    count(shard.lag),
  );
  const style = shard.blocked !== null ? 'red' : shard.state === 'running' ? 'green' : undefined;
  const line = cut(text, frame.columns);
  const lines = [style === undefined ? line : frame.paint(style, line)];
  if (shard.blocked !== null)
    lines.push(frame.paint('yellow', cut(`    ${blockedText(shard.blocked, nowMs)}`, frame.columns)));
  else if (shard.why !== undefined) lines.push(frame.paint('yellow', cut(`    ${shard.why}`, frame.columns)));
  return lines;
}

/** Which record, why, and what comes next (P6). */
function blockedText(blocked: BlockedStatus, nowMs: number): string {
  const record =
    blocked.partitionKey === null ? blocked.sequenceNumber : `${blocked.partitionKey} ${blocked.sequenceNumber}`;
  const { errorType, errorMessage } = blocked.lastError;
  const waitMs = Date.parse(blocked.nextAttemptAt) - nowMs;
  const next = waitMs > 0 ? `next in ${(waitMs / 1_000).toFixed(1)} s` : 'trying again now';
  return `${record}: ${attemptsText(blocked.attempts)}, ${next}, ${count(blocked.recordsBehind)} behind it: ${errorType}: ${oneLine(errorMessage)}`;
}

/** Without a terminal: one line per mapping, with the first blocked shards. */
export function plainLines(view: View): string[] {
  return view.mappings.map((progress) => {
    const blocked = progress.shards.flatMap(({ shard }) =>
      shard.blocked === null ? [] : [`${shard.shardId} blocked by ${blockedText(shard.blocked, view.nowMs)}`],
    );
    const rest = blocked.length - PLAIN_BLOCKED_MAX;
    const more = rest > 0 ? [`${rest} more blocked`] : [];
    const head = `${clock(view.elapsedMs)} ${progress.mapping.name}: ${totals(progress)}`;
    return [head, ...blocked.slice(0, PLAIN_BLOCKED_MAX), ...more].join('; ');
  });
}

function totals({ shards, settled, perSecond, lag, givenUp }: MappingProgress): string {
  const lost = givenUp > 0 ? `, ${count(givenUp)} given up` : '';
  return `${count(shards.length)} ${shards.length === 1 ? 'shard' : 'shards'}, ${count(settled)} settled, ${count(perSecond)} per s, lag ${count(lag)}${lost}`;
}

function row(shard: string, state: string, position: string, settled: string, rate: string, lag: string): string {
  const widths = SHARD_WIDTHS;
  return `  ${shard.padEnd(widths.shard)}${state.padEnd(widths.state)}${position.padEnd(widths.position)}${settled.padStart(widths.settled)}${rate.padStart(widths.rate)}${lag.padStart(widths.lag)}`;
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function attemptsText(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}

function oneLine(text: string): string {
  return cut(text.replaceAll(/\s+/g, ' '), ERROR_CHARS_MAX);
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(columns - 1, 0))}…`;
}
