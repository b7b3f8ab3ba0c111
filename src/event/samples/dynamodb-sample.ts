/** esm-semantics.md §2.2: plain JSON objects become images with typed attributes. */
import { MillraceError } from '../../errors.ts';
import { REGION, type SampleInput, WrittenNumber, arn, digest, objectIn } from './sample-input.ts';

export type AttributeValue =
  | { S: string }
  | { N: string }
  | { BOOL: boolean }
  | { NULL: true }
  | { L: AttributeValue[] }
  | { M: Record<string, AttributeValue> };

type Item = Readonly<Record<string, unknown>>;
interface Images {
  readonly oldItem: Item | undefined;
  readonly newItem: Item | undefined;
}

export function dynamodbSample({ data, nowMs, keys, name }: SampleInput) {
  const streamArn = arn('dynamodb', `table/${name}/stream/${new Date(nowMs).toISOString().slice(0, -1)}`);
  return {
    Records: data.map((bytes, index) => {
      const { oldItem, newItem } = imagesIn(bytes, index);
      const item = newItem ?? oldItem!;
      const Keys = keysOf(item, keys, index);
      const NewImage = newItem === undefined ? undefined : attributes(newItem);
      const OldImage = oldItem === undefined ? undefined : attributes(oldItem);
      const size = [Keys, NewImage, OldImage].reduce((sum, part) => sum + sizeOf(part), 0);
      return {
        eventID: digest(name, index, bytes),
        eventName:
          newItem === undefined
            ? ('REMOVE' as const)
            : oldItem === undefined
              ? ('INSERT' as const)
              : ('MODIFY' as const),
        eventVersion: '1.1',
        eventSource: 'aws:dynamodb',
        awsRegion: REGION,
        dynamodb: {
          ApproximateCreationDateTime: Math.floor(nowMs / 1000),
          Keys,
          ...(NewImage === undefined ? {} : { NewImage }),
          ...(OldImage === undefined ? {} : { OldImage }),
          SequenceNumber: `${nowMs}${String(index).padStart(12, '0')}`,
          SizeBytes: size,
          StreamViewType: 'NEW_AND_OLD_IMAGES' as const,
        },
        eventSourceARN: streamArn,
      };
    }),
  };
}

/** The object itself is the new item, unless it names images. */
function imagesIn(bytes: Buffer, index: number): Images {
  const object = objectIn(bytes);
  if (object === undefined) throw invalid(index, 'is no JSON object: a DynamoDB record is made from an item');
  const names = Object.keys(object);
  const named = names.length > 0 && names.every((name) => name === 'NewImage' || name === 'OldImage');
  if (!named) return { oldItem: undefined, newItem: object };
  const image = (name: string): Item | undefined => {
    const value = object[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof WrittenNumber)
      throw invalid(index, `has a ${name} that is no object`);
    return value as Item;
  };
  return { oldItem: image('OldImage'), newItem: image('NewImage') };
}

function keysOf(item: Item, keys: readonly string[], index: number): Record<string, AttributeValue> {
  const names = keys.length > 0 ? keys : [Object.hasOwn(item, 'id') ? 'id' : (Object.keys(item)[0] ?? 'id')];
  const entries = names.map((name) => {
    const value = Object.hasOwn(item, name) ? item[name] : undefined;
    if (typeof value !== 'string' && !(value instanceof WrittenNumber))
      throw invalid(index, `has no text or number ${JSON.stringify(name)} to be its key; name the field with --key`);
    return [name, attribute(value)] as const;
  });
  return Object.fromEntries(entries);
}

function attributes(item: Item): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, attribute(value)]));
}

function attribute(value: unknown): AttributeValue {
  if (value instanceof WrittenNumber) return { N: value.text };
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'boolean') return { BOOL: value };
  if (value === null) return { NULL: true };
  if (Array.isArray(value)) return { L: value.map(attribute) };
  return { M: attributes(value as Item) };
}

/** About as DynamoDB counts: names and values in UTF-8. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 1;
  return Object.entries(value).reduce((sum, [name, inner]) => sum + Buffer.byteLength(name) + sizeOf(inner), 0);
}

function invalid(index: number, what: string): MillraceError {
  return new MillraceError('event-invalid', `record ${index + 1} of the sample ${what}`);
}
