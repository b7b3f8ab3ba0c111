/** ky: fetch with retries, time limits and hooks. */
import ky, { isHTTPError } from 'ky';

const api = ky.create({
  timeout: 2_000,
  retry: { limit: 2, methods: ['put'], statusCodes: [503], delay: () => 10 },
  hooks: { beforeRetry: [({ retryCount }) => console.log(`retry ${retryCount}`)] },
});

/**
 * @param {import('aws-lambda').KinesisStreamEvent} event
 * @returns {Promise<import('aws-lambda').KinesisStreamBatchResponse>}
 */
export async function handler(event) {
  for (const { kinesis } of event.Records) {
    const json = JSON.parse(Buffer.from(kinesis.data, 'base64').toString());
    try {
      const answer = await api.put(`${process.env['API']}/items/${kinesis.sequenceNumber}`, { json }).json();
      console.log(JSON.stringify(answer));
    } catch (error) {
      if (!isHTTPError(error)) throw error;
      console.warn(error.message);
      return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
}
