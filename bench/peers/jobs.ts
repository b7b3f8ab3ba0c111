/**
 * One BullMQ job per record: the other way to hand records to a function. No order, no sandbox.
 * Arguments: Redis URL, queue, concurrency, jobs in all. Says `warm <n>` once a tenth is done, and `done <n>`.
 */
import { Worker } from 'bullmq';

const [url, queue, concurrencyText, totalText] = process.argv.slice(2) as [string, string, string, string];
const total = Number(totalText);
let done = 0;
let sum = 0;

const worker = new Worker<string>(
  queue,
  (job) => {
    sum += (JSON.parse(job.data) as { id: number }).id;
    return Promise.resolve();
  },
  { connection: { url, maxRetriesPerRequest: null }, concurrency: Number(concurrencyText) },
);
worker.on('completed', () => {
  done++;
  if (done === Math.ceil(total / 10)) process.stdout.write(`warm ${done}\n`);
  if (done === total) process.stdout.write(`done ${done} ${sum}\n`);
});
worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
