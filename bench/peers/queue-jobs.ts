/**
 * One BullMQ job per record. No order between records, no sandbox.
 * Arguments: Redis URL, queue, concurrency, jobs in all, the kind of work and its options (support/kinds.ts).
 */
import { Worker } from 'bullmq';
import { kindOf } from '../support/kinds.ts';
import { tellProgress } from '../support/telling.ts';

const [url, queue, concurrencyText, totalText, ...kind] = process.argv.slice(2) as [string, string, string, string];
const work = kindOf(kind);
const telling = tellProgress();
let left = Number(totalText);

const worker = new Worker<string>(queue, (job) => work([job.data]), {
  ...{ connection: { url, maxRetriesPerRequest: null }, concurrency: Number(concurrencyText) },
});
worker.on('completed', () => {
  telling.add(1);
  if (--left === 0) telling.end();
});
worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
