/** A connection to another Redis than the mapping's own, and what became of it. */
import { messageOf } from '../../src/errors.ts';
import { OUTPUT_ANSWER_MS } from '../../src/outbox-limits.ts';
import { checkServer, connectRedis, disconnect, type Redis, scrubUrl } from '../../src/redis/connect.ts';

/** `role`: what the server's CLIENT LIST calls it. */
export async function connectElsewhere(url: string, role: 'outputs' | 'readers'): Promise<Redis> {
  const redis = await connectRedis(url, {
    role,
    // Nothing waits here for a server that is away: what is not sent stays in the outbox, and `status` says why.
    options: { commandTimeout: OUTPUT_ANSWER_MS, maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false },
  });
  try {
    await checkServer(redis);
    return redis;
  } catch (error) {
    disconnect(redis);
    throw error;
  }
}

/** Also one to a server that became another one's replica: behind the address is the right one by now, perhaps. */
const BROKEN =
  /^(Command timed out|Connection is closed|Reached the max retries|ERR Protocol error|READONLY|MASTERDOWN|LOADING|NOAUTH)/;

export function isBroken(redis: Redis, error: unknown): boolean {
  return redis.status !== 'ready' || BROKEN.test(messageOf(error));
}

/** What went wrong, in a sentence; nothing of a secret is in it. */
export function explainElsewhere(error: unknown, url: string): string {
  const where = scrubUrl(url);
  const text = messageOf(error);
  if (text.startsWith('OOM'))
    return `the Redis server at ${where} is at its maxmemory: outputs wait until there is room`;
  if (text === 'Command timed out')
    return `the Redis server at ${where} did not answer for ${OUTPUT_ANSWER_MS / 1000} s`;
  if (/^Connection is closed|^Reached the max retries/.test(text)) return `the Redis server at ${where} went away`;
  return text;
}
