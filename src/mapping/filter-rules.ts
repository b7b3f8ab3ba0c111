/** Rules on filter patterns that depend on what a record looks like to them (esm-semantics.md §1.12). */
import { isLeaf, type Pattern } from '../pattern.ts';
import { didYouMean } from './did-you-mean.ts';
import type { MappingFields } from './fields/mapping-fields.ts';
import { readPattern } from './pattern/read-pattern.ts';
import type { Finding } from './report.ts';
import type { Path } from './tree.ts';

type Format = NonNullable<MappingFields['eventFormat']>;
/** A finding without its place: what fields below the mapping it is about, the nearest first. */
export interface FilterFinding extends Pick<Finding, 'code' | 'message' | 'hint' | 'severity'> {
  readonly at: readonly Path[];
}

const AROUND = ['eventSource', 'eventVersion', 'eventID', 'eventName', 'awsRegion', 'eventSourceARN'];
const MEMBERS: Readonly<Partial<Record<Format, readonly string[]>>> = {
  kinesis: [
    ...['data', 'partitionKey', 'sequenceNumber', 'approximateArrivalTimestamp', 'kinesisSchemaVersion', 'kinesis'],
    ...['invokeIdentityArn', ...AROUND],
  ],
  kafka: [
    ...['value', 'key', 'topic', 'partition', 'offset', 'timestamp', 'timestampType', 'headers'],
    ...['eventSource', 'bootstrapServers'],
  ],
};
/** What lies deeper than people think. */
const BELOW: Readonly<Partial<Record<Format, (name: string) => string | undefined>>> = {
  kinesis: (name) => `data: { ${name}: … }`,
  kafka: (name) => `value: { ${name}: … }`,
  dynamodb: (name) => (['Keys', 'NewImage', 'OldImage'].includes(name) ? `dynamodb: { ${name}: … }` : undefined),
};

export function filterFinding(values: Partial<MappingFields>): FilterFinding | undefined {
  const { source, eventFormat, filterCriteria } = values;
  const format = eventFormat ?? (source?.type === 'kafka' ? 'kafka' : 'kinesis');
  for (const [index, { pattern }] of (filterCriteria?.filters ?? []).entries()) {
    const names = firstNames(readPattern(pattern));
    const place = ['filterCriteria', 'filters', index, 'pattern'];
    const found = textForJson(format, names) ?? memberOfNothing(format, names);
    if (found !== undefined) return { ...found.finding, at: [[...place, found.name], place] };
  }
  return undefined;
}

/** First names of a pattern, and whether a list of values stands there. */
function firstNames({ fields, either }: Pattern): (readonly [name: string, isList: boolean])[] {
  const own = fields.map(([name, node]) => [name, isLeaf(node)] as const);
  return [...own, ...either.flat().flatMap(firstNames)];
}

type Found = { readonly name: string; readonly finding: Omit<FilterFinding, 'at'> } | undefined;

/** As AWS: the data of a Kinesis record is JSON to a filter, or nothing. */
function textForJson(format: Format, names: ReturnType<typeof firstNames>): Found {
  if (format !== 'kinesis' || !names.some(([name, isList]) => name === 'data' && isList)) return undefined;
  return {
    name: 'data',
    finding: {
      code: 'bad-filter-pattern',
      message: '`data` must be an object of fields: in a Kinesis event filters read the data as JSON',
      hint: 'for example { data: { type: [ order ] } }',
    },
  };
}

/** Such a filter would pass over every record, without a word. */
function memberOfNothing(format: Format, names: ReturnType<typeof firstNames>): Found {
  const members = MEMBERS[format];
  const below = BELOW[format];
  for (const [name] of names) {
    if (members?.includes(name) === true) continue;
    const deeper = below?.(name);
    if (deeper === undefined) continue;
    const meant = members === undefined ? undefined : didYouMean(name, members);
    const message = `no record of the format \`${format}\` has a member \`${name}\`, so nothing would match`;
    const hint = meant === undefined ? `for what is in the data write ${deeper}` : `did you mean \`${meant}\`?`;
    return { name, finding: { severity: 'warning', code: 'filter-matches-nothing', message, hint } };
  }
  return undefined;
}
