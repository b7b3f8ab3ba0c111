/**
 * The AWS SDK in a handler, against local servers that speak S3 and DynamoDB (s3rver, dynalite) and the JSON protocol of SQS. In front of
 * each the signature is checked by another implementation of it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AwsFront, CREDENTIALS, forward, REGION, useAwsFront } from '../support/aws-front.ts';
import { sequence, useExamples } from '../support/example-handlers.ts';
import { EXAMPLES } from '../support/example-packages.ts';

const examples = useExamples();
const required = (name: string): unknown => createRequire(path.join(EXAMPLES, 'package.json'))(name);

/** As Lambda gives a function its role's credentials; the address of the service by the SDK's own variable. */
function open(file: string, front: AwsFront, service: string, secret = CREDENTIALS.secretAccessKey) {
  const environment = {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: secret,
    [`AWS_ENDPOINT_URL_${service}`]: front.url,
  };
  return examples.open(file, { allow: [front.host], environment, timeout: 20 });
}

async function refusedWith(example: ReturnType<typeof open>): Promise<unknown> {
  const { outcome } = await (await example).attempt('x');
  return outcome.kind === 'function-error' ? outcome.error : outcome;
}

const WRONG_SECRET = 'a/secret+that/nobody+ever/knew';
const NOT_OURS = { errorMessage: expect.stringContaining('signature we calculated does not match') as string };

describe('S3', () => {
  interface S3rver {
    run(): Promise<AddressInfo>;
    close(): Promise<void>;
  }
  let s3: S3rver;
  let port = 0;
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-s3-'));
  beforeAll(async () => {
    const Class = required('s3rver') as new (options: object) => S3rver;
    const configureBuckets = [{ name: 'archive' }];
    s3 = new Class({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets });
    ({ port } = await s3.run());
  });
  afterAll(async () => {
    await s3.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const front = useAwsFront(
    's3',
    forward(() => port),
  );

  test('puts an object and gets it back', async () => {
    const { run } = await open('aws-s3.ts', front, 'S3');
    const answer = { key: `${sequence(0)}.ndjson`, records: 2, type: 'application/x-ndjson' };
    expect((await run('{"a":1}', '{"ü":"€"}')).result).toEqual(answer);
    expect(front.asked.map(({ method }) => method)).toEqual(['PUT', 'GET']);
    expect(front.asked[0]!.body.toString()).toBe('{"a":1}\n{"ü":"€"}');
    expect(await run('again')).toMatchObject({ cold: false, result: { records: 1 } });
    expect(front.counts.refused).toBe(0);
  });

  test('a wrong secret is refused by the server, and the SDK says so', async () => {
    expect(await refusedWith(open('aws-s3.ts', front, 'S3', WRONG_SECRET))).toMatchObject({
      errorType: 'SignatureDoesNotMatch',
      ...NOT_OURS,
    });
  });
});

describe('DynamoDB', () => {
  let server: Server;
  const front = useAwsFront(
    'dynamodb',
    forward(() => (server.address() as AddressInfo).port),
  );

  beforeAll(async () => {
    server = (required('dynalite') as (options: object) => Server)({ createTableMs: 0 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { DynamoDBClient, CreateTableCommand } = required('@aws-sdk/client-dynamodb') as {
      DynamoDBClient: new (options: object) => { send(command: object): Promise<unknown>; destroy(): void };
      CreateTableCommand: new (input: object) => object;
    };
    const client = new DynamoDBClient({ endpoint: front.url, region: REGION, credentials: CREDENTIALS });
    await client.send(
      new CreateTableCommand({
        TableName: 'clicks',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: ['user', 'at'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        KeySchema: [
          { AttributeName: 'user', KeyType: 'HASH' },
          { AttributeName: 'at', KeyType: 'RANGE' },
        ],
      }),
    );
    client.destroy();
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test('puts items once, gets one, queries all of a user', async () => {
    const { run } = await open('aws-dynamodb.ts', front, 'DYNAMODB');
    const pages = ['/', '/a', '/b'];
    expect((await run(...pages)).result).toEqual({ again: 0, page: '/', pages });
    // Delivered again: the condition fails, an exception of the SDK's own class.
    expect(await run(...pages)).toMatchObject({ cold: false, result: { again: 3, page: '/', pages } });
    expect(front.counts.refused).toBe(0);
  });

  test('a wrong secret is refused by the server, and the SDK says so', async () => {
    expect(await refusedWith(open('aws-dynamodb.ts', front, 'DYNAMODB', WRONG_SECRET))).toMatchObject({
      errorType: 'InvalidSignatureException',
      ...NOT_OURS,
    });
  });
});

describe('SQS', () => {
  interface Message {
    readonly QueueUrl: string;
    readonly MessageBody: string;
    readonly MessageAttributes?: Readonly<Record<string, { readonly StringValue?: string }>>;
  }
  const queue: Message[] = [];
  /** SendMessage as SQS answers it: the SDK compares the digest with what it sent. */
  const front = useAwsFront('sqs', ({ headers, body }) => {
    const json = { 'content-type': 'application/x-amz-json-1.0' };
    if (headers['x-amz-target'] !== 'AmazonSQS.SendMessage')
      return { status: 400, headers: json, body: '{"__type":"com.amazonaws.sqs#UnsupportedOperation"}' };
    const message = JSON.parse(body.toString()) as Message;
    queue.push(message);
    const MD5OfMessageBody = createHash('md5').update(message.MessageBody).digest('hex');
    return { status: 200, headers: json, body: JSON.stringify({ MessageId: randomUUID(), MD5OfMessageBody }) };
  });

  test('sends each record as a message', async () => {
    const { run } = await open('aws-sqs.ts', front, 'SQS');
    const { result } = await run('eins', 'zwölf');
    expect(new Set(result as string[]).size).toBe(2);
    expect(
      queue.map(({ MessageBody, MessageAttributes }) => [MessageBody, MessageAttributes?.['key']?.StringValue]),
    ).toEqual([
      ['eins', 'k'],
      ['zwölf', 'k'],
    ]);
    expect(await run('drei')).toMatchObject({ cold: false });
    expect(front.counts.refused).toBe(0);
  });

  test('a wrong secret is refused by the server, and the SDK says so', async () => {
    queue.length = 0;
    expect(await refusedWith(open('aws-sqs.ts', front, 'SQS', WRONG_SECRET))).toMatchObject({
      errorType: 'InvalidSignatureException',
      ...NOT_OURS,
    });
    expect(queue).toEqual([]);
  });
});
