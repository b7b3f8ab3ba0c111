/** Places of the bundle in stacks and log lines → the user's files and lines. Bounded: what is mapped was written by the handler. */
import { LOG_LINE_BYTES_MAX, LOG_LINE_FRAMES_MAX } from '../limits.ts';
import { LineMap, type OriginalPlace } from './line-map.ts';
import { cutBytes } from './scrub.ts';

/** What the bundle is called in the isolate (child/host.ts), and so in its stacks. Some loggers leave the column out. */
const BUNDLE = '/var/task/index.js:';
const PLACE = /\/var\/task\/index\.js:(\d+)(?::(\d+))?/;
const OWN_FRAME = /millrace:|<isolated-vm|node:internal|\/isolated-vm\//;
/** What the bundler adds to the user's code: its entry, and helpers that no source is named for. */
const BUNDLER_SOURCE = 'millrace-entry.js';
/** A frame within a text, with the line break before it, which is `\\n` where the text is JSON; or a place that stands alone. */
const FRAMES = /(?:\n|\\n) +at (?:(?!\\n)[^\n"])*|\/var\/task\/index\.js:\d+(?::\d+)?/g;
/** One of them, also where the line break is `\\n`. */
const FRAME = /^(?:\\n|\s)*at /;
const MAPS_KEPT = 32;

const maps = new Map<string, LineMap | null>();

/** null leaves the line out: it belongs to us, to the bundler or to the host. */
export function mapFrame(line: string, sourceMapPath: string | null): string | null {
  if (OWN_FRAME.test(line)) return null;
  const at = PLACE.exec(line);
  const map = at === null || sourceMapPath === null ? null : mapAt(sourceMapPath);
  if (at === null || map === null) return line;
  // Without a column: the end of the line, whose last piece of code is most likely the one.
  const found = placeIn(map, Number(at[1]), at[2] === undefined ? 1e9 : Number(at[2]));
  // A text that happens to name such a place is no frame, and stays.
  if (found === undefined || found.source.endsWith(BUNDLER_SOURCE)) return FRAME.test(line) ? null : line;
  const column = at[2] === undefined ? '' : `:${found.column}`;
  const place = `/var/task/${relative(found.source)}:${found.line}${column}`;
  return line.slice(0, at.index) + place + line.slice(at.index + at[0].length);
}

function placeIn(map: LineMap, line: number, column: number): OriginalPlace | undefined {
  try {
    return map.find(line, column);
  } catch {
    // The file went meanwhile: as without a map.
    return undefined;
  }
}

/** Stacks that a handler logged, as text or within JSON. `left` is what its invocation may still have looked up. */
export function mapStacks(text: string, sourceMapPath: string | null, left = { frames: LOG_LINE_FRAMES_MAX }): string {
  if (!text.includes(BUNDLE)) return text;
  let frames = 0;
  const mapped = text.replace(FRAMES, (frame) => {
    if (++frames > LOG_LINE_FRAMES_MAX || left.frames <= 0) return frame;
    left.frames--;
    return mapFrame(frame, sourceMapPath) ?? '';
  });
  return cutBytes(mapped, LOG_LINE_BYTES_MAX);
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

function mapAt(path: string): LineMap | null {
  const known = maps.get(path);
  if (known !== undefined) return known;
  let map: LineMap | null = null;
  try {
    map = LineMap.read(path);
  } catch {
    // Without its map a stack names the bundle's lines: less helpful, but the error itself is reported.
    map = null;
  }
  const oldest = maps.keys().next();
  if (maps.size >= MAPS_KEPT && oldest.done === false) maps.delete(oldest.value);
  maps.set(path, map);
  return map;
}
