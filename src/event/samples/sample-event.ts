/** Events as AWS Lambda gets them from its sources, made from given data: for trying a function by hand. */
import { dynamodbSample } from './dynamodb-sample.ts';
import { kafkaSample, mskSample } from './kafka-sample.ts';
import { kinesisSample } from './kinesis-sample.ts';
import { s3Sample } from './s3-sample.ts';
import type { SampleInput } from './sample-input.ts';
import { snsSample } from './sns-sample.ts';
import { sqsSample } from './sqs-sample.ts';

const MAKERS = {
  kinesis: (input: SampleInput, sourceArn?: string) => kinesisSample(input, sourceArn),
  dynamodb: dynamodbSample,
  kafka: kafkaSample,
  msk: mskSample,
  s3: s3Sample,
  sqs: sqsSample,
  sns: snsSample,
} as const;

export type SampleKind = keyof typeof MAKERS;
export const SAMPLE_KINDS = Object.keys(MAKERS) as SampleKind[];

/** What events call their source. */
const ALIASES: Readonly<Record<string, SampleKind>> = {
  'aws:kinesis': 'kinesis',
  'aws:dynamodb': 'dynamodb',
  'aws:kafka': 'msk',
  selfmanagedkafka: 'kafka',
  'aws:s3': 's3',
  'aws:sqs': 'sqs',
  'aws:sns': 'sns',
};

export function sampleKindOf(text: string): SampleKind | undefined {
  const name = text.toLowerCase();
  return SAMPLE_KINDS.find((kind) => kind === name) ?? ALIASES[name];
}

/** @throws MillraceError when the data cannot be of that kind. `sourceArn`: of a mapping's stream, for the format that mappings deliver. */
export function sampleEvent(kind: SampleKind, input: SampleInput, sourceArn?: string): object {
  return MAKERS[kind](input, sourceArn);
}

/** One record per line; or one in all, where the whole text is a JSON document of several lines. The last line break is no data. */
export function recordsIn(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(0x0a, from);
    const to = end === -1 ? bytes.length : end;
    const line = bytes.subarray(from, to > from && bytes[to - 1] === 0x0d ? to - 1 : to);
    if (line.toString('latin1').trim() !== '') lines.push(line);
    from = to + 1;
  }
  return lines.length > 1 && !isJson(lines[0]!) && isJson(bytes) ? [bytes] : lines;
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
