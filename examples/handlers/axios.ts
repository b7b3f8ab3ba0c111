/** axios: requests with interceptors and its own errors. */
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda';
import axios, { isAxiosError } from 'axios';

const api = axios.create({ baseURL: process.env['API'], timeout: 2_000, headers: { 'x-client': 'axios' } });
api.interceptors.request.use((config) => {
  config.headers.set('x-sent', 'yes');
  return config;
});

export async function handler(event: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
  for (const { kinesis } of event.Records) {
    const body: unknown = JSON.parse(Buffer.from(kinesis.data, 'base64').toString());
    try {
      const { status, data } = await api.put<{ stored: string }>(`/items/${kinesis.sequenceNumber}`, body, {
        params: { key: kinesis.partitionKey },
      });
      console.log(`${status} ${data.stored}`);
    } catch (error) {
      if (!isAxiosError(error) || error.response === undefined) throw error;
      console.warn(`${error.code} ${error.response.status}`);
      return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] };
    }
  }
  return { batchItemFailures: [] };
}
