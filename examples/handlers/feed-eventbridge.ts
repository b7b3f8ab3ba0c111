/** Events of EventBridge, as they are (`eventFormat: raw`, `batchSize: 1`). */
import type { EventBridgeEvent } from 'aws-lambda';

interface Order {
  readonly id: string;
  readonly total: number;
}

export async function handler(event: EventBridgeEvent<'Order placed', Order>): Promise<void> {
  console.log(`${event['detail-type']}: ${event.detail.id} for ${event.detail.total.toFixed(2)}`);
}
