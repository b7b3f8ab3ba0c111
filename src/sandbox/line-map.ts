/**
 * A source map read for single places. Only every 64th line's state is kept in memory; a look-up reads and decodes what lies between.
 * To decode all of a 5 MB bundle's map takes seconds on a busy machine and 100 MB, in the daemon, for one error of one function.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SOURCE_MAP_BYTES_MAX, SOURCE_MAP_HEAD_BYTES_MAX } from '../limits.ts';

const LINES_PER_SAMPLE = 64;
const SCAN_BYTES = 256 * 1024;
const LOOK_BYTES = 16 * 1024;
/** A line of the bundle with more than this is data, or made to be slow: what is in its later part is not looked for. */
const SAMPLE_BYTES_MAX = 256 * 1024;
/** Cannot be inside a JSON text: there the quotes would be escaped. */
const MAPPINGS = ',"mappings":"';
const COMMA = 0x2c;
const SEMICOLON = 0x3b;

/** `code - 1` is the value of a base64 digit; 0 is none. */
const DIGITS = new Uint8Array(256);
for (const [value, digit] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  DIGITS[digit.charCodeAt(0)] = value + 1;

export interface OriginalPlace {
  readonly source: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** Offset in the file, then the state at its beginning. */
type Sample = readonly [offset: number, source: number, line: number, column: number];

/** The running sums of the format: where the previous segment pointed to. */
interface State {
  source: number;
  line: number;
  column: number;
}

export class LineMap {
  private readonly file: string;
  private readonly sources: readonly string[];
  private readonly samples: readonly Sample[];

  private constructor(file: string, sources: readonly string[], samples: readonly Sample[]) {
    this.file = file;
    this.sources = sources;
    this.samples = samples;
  }

  /** Null: the file is no source map, or too large to be looked at. Throws what the file system does. */
  static read(file: string): LineMap | null {
    const fd = openSync(file, 'r');
    try {
      if (fstatSync(fd).size > SOURCE_MAP_BYTES_MAX) return null;
      const start = Buffer.alloc(SOURCE_MAP_HEAD_BYTES_MAX);
      const head = start.subarray(0, readSync(fd, start, 0, start.length, 0));
      const at = head.indexOf(MAPPINGS);
      if (at === -1) return null;
      const { sources } = JSON.parse(`${head.toString('utf8', 0, at)}}`) as { sources?: unknown };
      if (!Array.isArray(sources) || !sources.every((source) => typeof source === 'string')) return null;
      return new LineMap(file, sources, takeSamples(fd, at + MAPPINGS.length));
    } finally {
      closeSync(fd);
    }
  }

  /** Where a place of the bundle (line from 1, column from 1) came from; undefined where no source is responsible. */
  find(line: number, column: number): OriginalPlace | undefined {
    const sample = this.samples[Math.floor((line - 1) / LINES_PER_SAMPLE)];
    if (sample === undefined) return undefined;
    let skip = (line - 1) % LINES_PER_SAMPLE;
    let found: State | undefined;
    const listener: Listener = {
      newLine: () => skip-- > 0,
      segment: (generated, state, mapped) => {
        if (skip > 0) return true;
        if (generated > column - 1) return false;
        found = mapped ? { ...state } : undefined;
        return true;
      },
    };
    const fd = openSync(this.file, 'r');
    try {
      decode(fd, sample, { bytes: LOOK_BYTES, max: SAMPLE_BYTES_MAX }, listener);
    } finally {
      closeSync(fd);
    }
    const source = found === undefined ? undefined : this.sources[found.source];
    return found === undefined || source === undefined
      ? undefined
      : { source, line: found.line + 1, column: found.column + 1 };
  }
}

function takeSamples(fd: number, from: number): readonly Sample[] {
  const first: Sample = [from, 0, 0, 0];
  const samples = [first];
  let lines = 0;
  decode(
    fd,
    first,
    { bytes: SCAN_BYTES, max: Infinity },
    {
      newLine: (offset, { source, line, column }) => {
        if (++lines % LINES_PER_SAMPLE === 0) samples.push([offset, source, line, column]);
        return true;
      },
      segment: () => true,
    },
  );
  return samples;
}

function decode(
  fd: number,
  [from, source, line, column]: Sample,
  read: { readonly bytes: number; readonly max: number },
  listener: Listener,
): void {
  const decoder = new Decoder({ source, line, column }, listener);
  const buffer = Buffer.allocUnsafe(read.bytes);
  for (let at = from; at < from + read.max; at += buffer.length) {
    const bytes = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, at));
    if (bytes.length === 0 || !decoder.run(bytes, at)) return;
  }
}

interface Listener {
  /** `offset`: of the line's first byte. False ends it. */
  newLine(offset: number, state: State): boolean;
  /** False ends it. */
  segment(generatedColumn: number, state: State, mapped: boolean): boolean;
}

/** Reads `mappings` piece by piece. */
class Decoder {
  private readonly state: State;
  private generated = 0;
  private readonly fields = [0, 0, 0, 0, 0];
  private count = 0;
  private value = 0;
  private shift = 0;

  private readonly listener: Listener;

  constructor(state: State, listener: Listener) {
    this.state = state;
    this.listener = listener;
  }

  /** False: it came to the end of the text, or the listener ended it. Numbers have 32 bits; wilder ones lead nowhere. */
  run(bytes: Buffer, offset: number): boolean {
    const { fields } = this;
    let { value, shift, count } = this;
    for (let at = 0; at < bytes.length; at++) {
      const code = bytes[at]!;
      const bits = DIGITS[code]! - 1;
      if (bits >= 0) {
        value |= (bits & 31) << shift;
        shift += 5;
        if ((bits & 32) !== 0) continue;
        if (count < 5) fields[count] = (value & 1) === 1 ? -(value >>> 1) : value >>> 1;
        count++;
        value = shift = 0;
        continue;
      }
      if (count > 0 && !this.endSegment(count)) return false;
      count = 0;
      if (code === COMMA) continue;
      if (code !== SEMICOLON) return false;
      this.generated = 0;
      if (!this.listener.newLine(offset + at + 1, this.state)) return false;
    }
    this.value = value;
    this.shift = shift;
    this.count = count;
    return true;
  }

  private endSegment(count: number): boolean {
    const { fields, state } = this;
    this.generated += fields[0]!;
    if (count >= 4) {
      state.source += fields[1]!;
      state.line += fields[2]!;
      state.column += fields[3]!;
    }
    return this.listener.segment(this.generated, state, count >= 4);
  }
}
