/** Stack lines of the bundle → the user's files and lines. Only for errors, bounded, decoded by Node. */
import { readFileSync, statSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { LOG_LINE_FRAMES_MAX, SOURCE_MAP_BYTES_MAX } from '../limits.ts';

/** What the bundle is called in the isolate (child/host.ts), and so in its stacks. Some loggers leave the column out. */
const BUNDLE = '/var/task/index.js:';
const PLACE = /\/var\/task\/index\.js:(\d+)(?::(\d+))?/;
const OWN_FRAME = /millrace:|<isolated-vm|node:internal|\/isolated-vm\//;
/** What the bundler adds to the user's code: its entry, and helpers that no source is named for. */
const BUNDLER_SOURCE = 'millrace-entry.js';
/** A frame within a text, with the line break before it, which is `\\n` where the text is JSON; or a place that stands alone. */
const FRAMES = /(?:\n|\\n) +at (?:(?!\\n)[^\n"])*|\/var\/task\/index\.js:\d+(?::\d+)?/g;
const MAPS_KEPT = 32;

const maps = new Map<string, SourceMap | null>();

/** null leaves the line out: it belongs to us, to the bundler or to the host. */
export function mapFrame(line: string, sourceMapPath: string | null): string | null {
  if (OWN_FRAME.test(line)) return null;
  const at = PLACE.exec(line);
  const map = at === null || sourceMapPath === null ? null : mapAt(sourceMapPath);
  if (at === null || map === null) return line;
  // Without a column: the end of the line, whose last piece of code is most likely the one.
  const entry = map.findEntry(Number(at[1]) - 1, at[2] === undefined ? 1e9 : Number(at[2]) - 1);
  if (!('originalSource' in entry) || entry.originalSource.endsWith(BUNDLER_SOURCE)) return null;
  const column = at[2] === undefined ? '' : `:${entry.originalColumn + 1}`;
  const place = `/var/task/${relative(entry.originalSource)}:${entry.originalLine + 1}${column}`;
  return line.slice(0, at.index) + place + line.slice(at.index + at[0].length);
}

/** Stacks that a handler logged, as text or within JSON. */
export function mapStacks(text: string, sourceMapPath: string | null): string {
  if (!text.includes(BUNDLE)) return text;
  let frames = 0;
  return text.replace(FRAMES, (frame) => {
    if (++frames > LOG_LINE_FRAMES_MAX) return frame;
    return mapFrame(frame, sourceMapPath) ?? (frame.startsWith(BUNDLE) ? frame : '');
  });
}

/** Sources are written relative to the function's directory; whatever leads out of it is not shown. */
function relative(source: string): string {
  const parts = source.replace(/^[a-z][\w-]*:\/*/i, '').split(/[\\/]/);
  const modules = parts.lastIndexOf('node_modules');
  if (modules >= 0) return parts.slice(modules).join('/');
  return source.startsWith('/')
    ? (parts.at(-1) ?? '')
    : parts.filter((part) => part !== '..' && part !== '.' && part !== '').join('/');
}

function mapAt(path: string): SourceMap | null {
  const known = maps.get(path);
  if (known !== undefined) return known;
  let map: SourceMap | null = null;
  try {
    if (statSync(path).size <= SOURCE_MAP_BYTES_MAX)
      map = new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload);
  } catch {
    // Without its map a stack names the bundle's lines: less helpful, but the error itself is reported.
    map = null;
  }
  const oldest = maps.keys().next();
  if (maps.size >= MAPS_KEPT && oldest.done === false) maps.delete(oldest.value);
  maps.set(path, map);
  return map;
}
