/** Written for Kafka topics on AWS, and unchanged here: each order of a batch is priced and told to a ledger. */
import type { MSKEvent, MSKRecord } from 'aws-lambda';
import type { Charge, Order } from './orders.ts';

export function charging(priceOf: (order: Order) => number): (event: MSKEvent) => Promise<void> {
  return async (event) => {
    // One after the other: a customer's orders stay in their order.
    for (const record of Object.values(event.records).flat()) await charge(record, priceOf);
  };
}

async function charge(record: MSKRecord, priceOf: (order: Order) => number): Promise<void> {
  const order = JSON.parse(Buffer.from(record.value, 'base64').toString()) as Order;
  const { customer, number } = order;
  const body: Charge = { customer, number, cents: priceOf(order) };
  const response = await fetch(`http://${process.env['LEDGER']}/charges`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`the ledger answers ${response.status}: ${await response.text()}`);
}
