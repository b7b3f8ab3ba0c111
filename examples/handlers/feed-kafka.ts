/** Records of a topic, or of a Redis stream as if it were one (`eventFormat: kafka`). */
import type { SelfManagedKafkaEvent } from 'aws-lambda';

export async function handler(event: SelfManagedKafkaEvent): Promise<void> {
  for (const [name, records] of Object.entries(event.records)) {
    const texts = records.map(({ value }) => Buffer.from(value, 'base64').toString());
    const offsets = records.map(({ offset }) => offset);
    const inOrder = offsets.every((offset, i) => i === 0 || offset > offsets[i - 1]!);
    console.log(`${name}: ${texts.join(' ')}${inOrder ? '' : ' out of order'}`);
  }
}
