/** protobufjs: messages decoded by a schema that is part of the code. */
import type { KinesisStreamEvent } from 'aws-lambda';
import protobuf from 'protobufjs';

const { root } = protobuf.parse(`
  syntax = "proto3";
  package shop;
  message Order {
    string id = 1;
    repeated Line lines = 2;
    map<string, string> notes = 3;
    uint64 placed_at_ms = 4;
    message Line { string sku = 1; uint32 count = 2; double price = 3; }
  }
`);
const Order = root.lookupType('shop.Order');

export async function handler(event: KinesisStreamEvent): Promise<unknown[]> {
  return event.Records.map(({ kinesis }) => {
    const order = Order.decode(Buffer.from(kinesis.data, 'base64'));
    return Order.toObject(order, { longs: String, defaults: true });
  });
}
