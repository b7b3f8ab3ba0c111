/** Status as people read it. Pure: data in, text out; every time is said from the moment of the status. */
import type {
  BlockedStatus,
  GroupStatus,
  MappingStatus,
  OutboxStatus,
  OutputStatus,
  ShardStatus,
  Status,
} from '../observe/status-types.ts';
import { placeOf } from '../outbox.ts';
import { formatFunctions } from './status-functions.ts';
import { formatRedrives } from './status-redrives.ts';
import { count, duration, firstLine, type Paint } from './status-words.ts';

/** Beyond this, idle and closed shards of a mapping are summed up in one line; nothing that needs a look is left out of sight first. */
const SHARDS_SHOWN = 40;
const MEMBERS_SHOWN = 8;
const COLUMNS = ['SHARD', 'STATE', 'CHECKPOINT', 'LAG', 'ITERATOR AGE', 'OLDEST', 'OWNER'] as const;

const NEEDS_A_LOOK: Record<ShardStatus['state'], number> = {
  ...{ blocked: 0, running: 1, waiting: 2, paused: 3, 'pending-parent': 4, idle: 5, closed: 6 },
};
const COLOUR: Partial<Record<ShardStatus['state'], Parameters<Paint>[0]>> = {
  ...{ blocked: 'red', running: 'green', waiting: 'yellow', paused: 'yellow', closed: 'dim' },
};

export function formatStatus(status: Status, paint: Paint): string {
  const nowMs = Date.parse(status.time);
  const parts = status.mappings.map((mapping) => formatMapping(mapping, nowMs, paint));
  if (parts.length === 0)
    parts.push('No mapping has state here yet: millrace start, or millrace dev, gives it some.\n');
  return `${parts.join('\n')}\n${formatFunctions(status.functions, nowMs, paint)}${formatDaemons(status, nowMs, paint)}`;
}

/** One line per mapping, for logs and pipes. */
export function formatLines(status: Status): string {
  const line = (mapping: MappingStatus) => {
    const { shards } = mapping;
    const blocked = shards.filter((shard) => shard.blocked).length;
    const oldest = Math.max(0, ...shards.map((shard) => shard.oldestUnsettledAgeMs));
    const sum = (of: (shard: ShardStatus) => number) => shards.reduce((total, shard) => total + of(shard), 0);
    return (
      `${status.time} ${mapping.name} state=${mapping.state} shards=${shards.length} blocked=${blocked} ` +
      `lag=${sum((s) => s.lag)} oldest=${duration(oldest)} succeeded=${sum((s) => s.settled.succeeded)} ` +
      `expired=${sum((s) => s.settled.expired)} givenUp=${sum((s) => s.settled.givenUp)} ` +
      `lostBySource=${sum((s) => s.settled.lostBySource)}\n`
    );
  };
  return status.mappings.map(line).join('');
}

function formatMapping(mapping: MappingStatus, nowMs: number, paint: Paint): string {
  const { source } = mapping;
  const from = [source.type, source.stream, source.topic].filter((word) => typeof word === 'string').join(' ');
  const version = mapping.functionVersion.slice(0, 12);
  const result = mapping.lastProcessingResult;
  const title =
    `${paint('bold', mapping.name)}  ${from} → ${mapping.function}${version === '' ? '' : `@${version}`}  ` +
    `${mapping.state}, ${result.startsWith('PROBLEM') ? paint('red', result) : result}`;
  const sorted = mapping.shards.toSorted((a, b) => rankOf(a) - rankOf(b));
  // Few enough to be shown: in their own order.
  const shown = mapping.shards.length <= SHARDS_SHOWN ? mapping.shards : sorted.slice(0, SHARDS_SHOWN);
  const rows = shown.map((shard) => ({ cells: cellsOf(shard), shard }));
  const widths = COLUMNS.map((name, c) => Math.max(name.length, ...rows.map((row) => row.cells[c]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => pad(cell, widths[c]!, c))
      .join('  ')
      .trimEnd();
  const lines = rows.map(({ cells, shard }) => {
    const colour = COLOUR[shard.state];
    const text = colour ? line(cells).replace(shard.state, paint(colour, shard.state)) : line(cells);
    const blocked = shard.blocked ? formatBlocked(shard.blocked, shard.why, nowMs, paint) : '';
    return `  ${text}\n${blocked}${shard.heldBack ? formatHeldBack(shard.heldBack) : ''}${formatOutbox('message', shard.outbox, nowMs, paint)}${formatOutbox('output', shard.unsent, nowMs, paint)}`;
  });
  const hidden = sorted.slice(SHARDS_SHOWN);
  if (hidden.length > 0 && shown.length < mapping.shards.length) lines.push(`  ${paint('dim', summary(hidden))}\n`);
  const problems = formatProblems(mapping.sourceProblems ?? [], paint);
  if (rows.length === 0) return `${title}\n${problems}  ${paint('dim', 'no shard yet: waiting for the stream')}\n`;
  const about = `${problems}${mapping.group ? formatGroup(mapping.group) : ''}${mapping.output ? formatOutput(mapping.output, paint) : ''}${formatRedrives(mapping.redrives ?? [], nowMs, paint)}`;
  return `${title}\n${about}  ${paint('dim', line(COLUMNS))}\n${lines.join('')}`;
}

/** Also one that is idle itself, when it has messages that were not sent. */
function rankOf({ state, outbox, unsent }: ShardStatus): number {
  return Math.min(NEEDS_A_LOOK[state], outbox || unsent?.lastError ? NEEDS_A_LOOK.blocked : Infinity);
}

/** Each reason once: daemons that share a login share its refusals. */
function formatProblems(problems: NonNullable<MappingStatus['sourceProblems']>, paint: Paint): string {
  const reasons = [...new Set(problems.map(({ reason }) => reason))];
  const line = (reason: string) => {
    const who = problems.filter((problem) => problem.reason === reason).map(({ daemon }) => daemon);
    return `  ${paint('red', 'source cannot be read')}: ${firstLine(reason)} (${who.join(', ')})\n`;
  };
  return reasons.map(line).join('');
}

function formatGroup({ groupId, members }: GroupStatus): string {
  const each = members
    .slice(0, MEMBERS_SHOWN)
    .map(({ host, partitions }) => `${host}: ${partitions.join(', ') || 'none'}`);
  const more = members.length > MEMBERS_SHOWN ? [`${members.length - MEMBERS_SHOWN} more`] : [];
  return `  group ${groupId}, ${count(members.length, 'member')}${[...each, ...more].map((text) => `; ${text}`).join('')}\n`;
}

function formatOutput(output: OutputStatus, paint: Paint): string {
  const { unsettled, maxUnsettled, waitsFor } = output;
  const bound = maxUnsettled === null ? '' : ` of at most ${maxUnsettled}`;
  const waits = waitsFor === null ? '' : `, ${paint('yellow', `waits for ${waitsFor}`)}`;
  if (!('connection' in output)) return `  output to ${output.stream}: ${unsettled} unsettled there${bound}${waits}\n`;
  const each = bound === '' ? '' : `${bound} a shard`;
  return `  output to ${placeOf(output)}: ${unsettled} to be sent${each}${waits}\n`;
}

function cellsOf(shard: ShardStatus): string[] {
  return [
    ...[shard.shardId, shard.state, shard.checkpoint ?? '-', String(shard.lag), duration(shard.iteratorAgeMs)],
    ...[duration(shard.oldestUnsettledAgeMs), shard.owner ?? '-'],
  ];
}

/** Numbers and ages to the right. */
function pad(text: string, width: number, column: number): string {
  return column >= 3 && column <= 5 ? text.padStart(width) : text.padEnd(width);
}

function summary(shards: readonly ShardStatus[]): string {
  const counts = new Map<string, number>();
  for (const { state } of shards) counts.set(state, (counts.get(state) ?? 0) + 1);
  const lag = shards.reduce((total, shard) => total + shard.lag, 0);
  return `and ${[...counts].map(([state, n]) => `${n} ${state}`).join(', ')}, lag ${lag} (--json shows all)`;
}

function formatBlocked(blocked: BlockedStatus, why: string | undefined, nowMs: number, paint: Paint): string {
  const ago = (iso: string) => duration(nowMs - Date.parse(iso));
  const ahead = (iso: string) => {
    const ms = Date.parse(iso) - nowMs;
    return ms <= 0 ? 'now' : `in ${duration(ms)}`;
  };
  const key = blocked.partitionKey === null ? '' : ` (partition key ${JSON.stringify(blocked.partitionKey)})`;
  const unit = blocked.recordsInUnit > 1 ? `, ${blocked.recordsInUnit} records in the unit` : '';
  const { errorType, errorMessage } = blocked.lastError;
  const expiry = blocked.expiresAt === null ? 'never expires' : `expires ${ahead(blocked.expiresAt)}`;
  const behind =
    blocked.nextExpiryBehind === null ? '' : `, the next of them expires ${ahead(blocked.nextExpiryBehind)}`;
  const lines = [
    `blocked at ${blocked.sequenceNumber}${key} for ${ago(blocked.since)}: ${count(blocked.attempts, 'attempt')}${unit}`,
    `${paint('red', errorType)}: ${firstLine(errorMessage)}`,
    ...(why === undefined
      ? []
      : [`${paint('red', why)}${errorType === 'OutputRefused' ? '' : ': nothing is given up without its notice'}`]),
    `next attempt ${ahead(blocked.nextAttemptAt)}, ${expiry}; ${count(blocked.recordsBehind, 'record')} behind${behind}`,
  ];
  return lines.map((line) => `      ${line}\n`).join('');
}

function formatHeldBack({ from, overdueMs }: NonNullable<ShardStatus['heldBack']>): string {
  return `      keeps records from ${from} on in the stream, ${duration(overdueMs)} past its retention\n`;
}

function formatOutbox(what: string, box: OutboxStatus | undefined, nowMs: number, paint: Paint): string {
  if (!box) return '';
  const { messages, since, lastError } = box;
  const why = lastError === null ? '' : `: ${paint('red', firstLine(lastError))}`;
  return `      ${count(messages, what)} to be sent, the oldest for ${duration(nowMs - Date.parse(since))}${why}\n`;
}

function formatDaemons({ daemons }: Status, nowMs: number, paint: Paint): string {
  if (daemons.length === 0)
    return `${paint('yellow', 'No daemon is alive.')} Positions stay; millrace start goes on from them.\n`;
  const lines = daemons.map((daemon) => {
    const about = `${daemon.id}  ${daemon.host}:${daemon.pid}  ${daemon.roles.join(',')}  ${daemon.version}`;
    const up = `up ${duration(nowMs - Date.parse(daemon.since))}`;
    const conflicts = (daemon.conflicts ?? []).map(
      (name) => `\n    ${paint('red', 'config-conflict')}: mapping ${name}`,
    );
    return `  ${about}  ${up}${conflicts.join('')}\n`;
  });
  return `${paint('bold', 'Daemons')}\n${lines.join('')}`;
}
