/**
 * A change record → a record of a DynamoDB stream event (esm-semantics.md §2.2). The data is such a record, whole or only its `dynamodb`
 * part (Keys, NewImage, OldImage); what is missing of it is filled in. Pure.
 */
import { createHash } from 'node:crypto';
import { ATTRIBUTE_DEPTH_MAX } from '../limits.ts';
import { isObject, RecordRefused } from './documents.ts';

export interface ChangeFacts {
  readonly sequenceNumber: string;
  readonly arrivalMs: number;
  readonly shardId: string;
  readonly arn: string;
}

type Part = Readonly<Record<string, unknown>>;

/** @throws RecordRefused */
export function changeRecord(data: unknown, facts: ChangeFacts): Part {
  if (!isObject(data)) throw new RecordRefused('The data of this record is no change record: it is no JSON object');
  const whole = 'dynamodb' in data;
  const change = whole ? data['dynamodb'] : data;
  if (!isObject(change)) throw new RecordRefused('The member dynamodb of this record is no object');
  const keys = imageOf(change, 'Keys');
  if (keys === undefined || Object.keys(keys).length === 0)
    throw new RecordRefused('This change record has no Keys, like {"Keys": {"id": {"S": "1"}}}');
  const newImage = imageOf(change, 'NewImage');
  const oldImage = imageOf(change, 'OldImage');
  const around: Part = whole ? data : {};
  const eventName = eventNameOf(around['eventName'] ?? change['eventName'], newImage, oldImage);
  const { eventName: _name, ...rest } = change;
  const { dynamodb: _change, ...members } = around;
  return {
    ...{ eventID: eventIdOf(facts), eventName, eventVersion: '1.1', eventSource: 'aws:dynamodb', awsRegion: 'local' },
    ...without(members, ['eventName', 'eventVersion', 'eventSource']),
    dynamodb: {
      ApproximateCreationDateTime: Math.floor(facts.arrivalMs / 1_000),
      ...rest,
      // What a handler names in batchItemFailures, so it is the position in this shard.
      SequenceNumber: facts.sequenceNumber,
      ...(rest['SequenceNumber'] === undefined ? {} : { OriginalSequenceNumber: rest['SequenceNumber'] }),
      SizeBytes: rest['SizeBytes'] ?? sizeOf(keys) + sizeOf(newImage) + sizeOf(oldImage),
      StreamViewType: rest['StreamViewType'] ?? viewOf(eventName, newImage, oldImage),
    },
    eventSourceARN: around['eventSourceARN'] ?? facts.arn,
  };
}

/** The item's key as text, the same for the same item. @throws RecordRefused */
export function itemKey(data: unknown): string | null {
  const change = isObject(data) && isObject(data['dynamodb']) ? data['dynamodb'] : data;
  const keys = isObject(change) ? imageOf(change, 'Keys') : undefined;
  if (keys === undefined) return null;
  return JSON.stringify(Object.fromEntries(Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function eventNameOf(given: unknown, newImage: Part | undefined, oldImage: Part | undefined): string {
  if (given === 'INSERT' || given === 'MODIFY' || given === 'REMOVE') return given;
  if (given !== undefined) throw new RecordRefused('The eventName of a change record is INSERT, MODIFY or REMOVE');
  if (newImage) return oldImage ? 'MODIFY' : 'INSERT';
  if (oldImage) return 'REMOVE';
  throw new RecordRefused('This change record has neither an eventName nor a NewImage or OldImage to tell it by');
}

function viewOf(eventName: string, newImage: Part | undefined, oldImage: Part | undefined): string {
  if (newImage && oldImage) return 'NEW_AND_OLD_IMAGES';
  if (newImage) return eventName === 'INSERT' ? 'NEW_AND_OLD_IMAGES' : 'NEW_IMAGE';
  if (oldImage) return eventName === 'REMOVE' ? 'NEW_AND_OLD_IMAGES' : 'OLD_IMAGE';
  return 'KEYS_ONLY';
}

function eventIdOf({ arn, shardId, sequenceNumber }: ChangeFacts): string {
  return createHash('md5').update(`${arn}\0${shardId}\0${sequenceNumber}`).digest('hex');
}

function without(members: Part, names: readonly string[]): Part {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
}

function imageOf(change: Part, name: string): Part | undefined {
  const image = change[name];
  if (image === undefined || image === null) return undefined;
  if (!isObject(image)) throw new RecordRefused(`${name} of this change record is no object of attributes`);
  for (const [attribute, value] of Object.entries(image))
    if (!isAttribute(value, 0)) {
      const path = `${name}.${attribute.slice(0, 60)}`;
      throw new RecordRefused(`${path} of this change record is no typed attribute, like {"S": "text"} or {"N": "1"}`);
    }
  return image;
}

function isAttribute(value: unknown, depth: number): boolean {
  if (!isObject(value) || depth > ATTRIBUTE_DEPTH_MAX) return false;
  const [type, ...more] = Object.keys(value);
  if (type === undefined || more.length > 0) return false;
  const inner = value[type];
  switch (type) {
    case 'S':
    case 'B':
      return typeof inner === 'string';
    case 'N':
      return typeof inner === 'string' && isNumber(inner);
    case 'BOOL':
      return typeof inner === 'boolean';
    case 'NULL':
      return inner === true;
    case 'SS':
    case 'BS':
      return Array.isArray(inner) && inner.every((one) => typeof one === 'string');
    case 'NS':
      return Array.isArray(inner) && inner.every((one) => typeof one === 'string' && isNumber(one));
    case 'L':
      return Array.isArray(inner) && inner.every((one) => isAttribute(one, depth + 1));
    case 'M':
      return isObject(inner) && Object.values(inner).every((one) => isAttribute(one, depth + 1));
    default:
      return false;
  }
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);
}

/** About as DynamoDB counts: names and values in UTF-8. */
function sizeOf(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 1;
  return Object.entries(value).reduce((sum, [name, inner]) => sum + Buffer.byteLength(name) + sizeOf(inner), 0);
}
