/** The event of `millrace invoke`: as it is given, or made as one of AWS's from given data. */
import { readFile } from 'node:fs/promises';
import { text as readText, buffer as readBytes } from 'node:stream/consumers';
import { MillraceError } from '../errors.ts';
import { SAMPLE_KINDS, recordsIn, sampleEvent, sampleKindOf } from '../event/samples/sample-event.ts';
import { EVENT_BYTES_MAX } from '../limits.ts';
import type { MappingConfig } from '../mapping/types.ts';

export interface EventOptions {
  readonly event?: string;
  readonly sample?: string;
  readonly data?: readonly string[];
  readonly key?: readonly string[];
  readonly partitions?: number;
}

export interface EventSources {
  readonly stdin: NodeJS.ReadableStream;
  readonly nowMs: number;
  /** The one named with --mapping. */
  readonly mapping: MappingConfig | undefined;
}

/** JSON text within an event's bound. */
export async function eventOf(options: EventOptions, sources: EventSources): Promise<string> {
  const text = options.sample === undefined ? await givenEvent(options, sources) : await sampled(options, sources);
  if (Buffer.byteLength(text) > EVENT_BYTES_MAX)
    throw new MillraceError('event-invalid', `the event is larger than ${EVENT_BYTES_MAX} bytes`);
  return text;
}

async function givenEvent({ event, data, key, partitions }: EventOptions, { stdin }: EventSources): Promise<string> {
  const [stray] = Object.entries({ data, key, partitions }).filter(([, value]) => value !== undefined);
  if (stray !== undefined) {
    const hint = `kinds are: ${SAMPLE_KINDS.join(', ')}`;
    throw new MillraceError(
      'usage',
      `--${stray[0]} says what to make a sample event from: name its kind with --sample`,
      { hint },
    );
  }
  if (event === undefined) return '{}';
  const text = (event === '-' ? await readText(stdin) : (await fileBytes(event)).toString('utf8')).replace(
    /^\ufeff/,
    '',
  );
  try {
    JSON.parse(text);
  } catch (error) {
    throw new MillraceError(
      'event-invalid',
      `the event in ${nameOf(event)} is not JSON: ${(error as SyntaxError).message}`,
    );
  }
  return text;
}

async function sampled(options: EventOptions, { stdin, nowMs, mapping }: EventSources): Promise<string> {
  const kind = sampleKindOf(options.sample!);
  if (kind === undefined) {
    const hint = `kinds are: ${SAMPLE_KINDS.join(', ')}`;
    throw new MillraceError('usage', `there is no sample event of the kind ${JSON.stringify(options.sample)}`, {
      hint,
    });
  }
  if (options.partitions === 0) throw new MillraceError('usage', 'a topic has at least one partition');
  const source = mapping?.source;
  const stream = source?.type === 'redis-stream' ? source.stream : undefined;
  const name = stream ?? (source?.type === 'kafka' ? source.topic : 'sample');
  const input = {
    data: await dataOf(options, stdin),
    nowMs,
    keys: options.key ?? [],
    name,
    partitions: options.partitions ?? 1,
  };
  const event = sampleEvent(kind, input, stream === undefined ? undefined : `arn:millrace:redis:::stream/${stream}`);
  return JSON.stringify(event);
}

async function dataOf({ event, data }: EventOptions, stdin: NodeJS.ReadableStream): Promise<Buffer[]> {
  if (data !== undefined && event !== undefined)
    throw new MillraceError('usage', 'the data comes from --data or from --event, not from both');
  if (data !== undefined) return data.map((text) => Buffer.from(text));
  if (event === undefined) return [Buffer.from('{"id":"1","message":"hello"}')];
  const bytes = event === '-' ? await readBytes(stdin) : await fileBytes(event);
  const records = recordsIn(bytes);
  if (records.length === 0) throw new MillraceError('event-invalid', `there is no data in ${nameOf(event)}`);
  return records;
}

async function fileBytes(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MillraceError('event-invalid', `the event file ${file} cannot be read (${code ?? 'unknown error'})`);
  }
}

function nameOf(event: string): string {
  return event === '-' ? 'standard input' : event;
}
