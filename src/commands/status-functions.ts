/** The functions in `status`, as people read them: where their processes are, and what ended them. Pure. */
import type { FunctionStatus, LostChildren } from '../observe/status-types.ts';
import { count, duration, firstLine, type Paint } from './status-words.ts';

const MB = 1024 * 1024;
const LOST: Record<keyof LostChildren, string> = {
  ...{ timeout: 'by timeout', outOfMemory: 'out of memory', exit: 'by exit', protocol: 'by protocol' },
  startFailed: 'while loading',
};

export function formatFunctions(functions: readonly FunctionStatus[], nowMs: number, paint: Paint): string {
  if (functions.length === 0) return '';
  return `${paint('bold', 'Functions')}\n${functions.map((one) => formatFunction(one, nowMs, paint)).join('')}\n`;
}

function formatFunction(one: FunctionStatus, nowMs: number, paint: Paint): string {
  const version = one.version === '' ? '' : `@${one.version.slice(0, 12)}`;
  const processes = count(one.children, 'process', 'processes');
  const title = `${one.name}${version}  ${processes}, ${Math.round(one.rssBytes / MB)} MB, ${count(one.coldStarts, 'cold start')}`;
  const lines = [...formatLosses(one, nowMs, paint), ...formatSlowed(one, nowMs, paint)];
  return `  ${title}\n${lines.map((line) => `      ${line}\n`).join('')}`;
}

function formatLosses({ lost, lastLoss }: FunctionStatus, nowMs: number, paint: Paint): string[] {
  const kinds = (Object.keys(LOST) as (keyof LostChildren)[]).filter((reason) => lost[reason] > 0);
  if (kinds.length === 0 || !lastLoss) return [];
  const how = kinds.map((reason) => `${lost[reason]} ${LOST[reason]}`).join(', ');
  const where = lastLoss.mapping === null ? '' : ` (${lastLoss.mapping} ${lastLoss.shardId})`;
  const ago = duration(nowMs - Date.parse(lastLoss.time));
  return [
    `lost processes: ${how}; the last ${ago} ago${where}`,
    `${paint('red', lastLoss.errorType)}: ${firstLine(lastLoss.errorMessage)}`,
  ];
}

function formatSlowed({ slowedUntil, delayMs }: FunctionStatus, nowMs: number, paint: Paint): string[] {
  if (slowedUntil === null) return [];
  const next = duration(Date.parse(slowedUntil) - nowMs);
  return [`${paint('yellow', 'slowed')}: the next process starts in ${next}, one every ${duration(delayMs)}`];
}
