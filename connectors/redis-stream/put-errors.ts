/** What a refused batch means, and the sentence for it. */
import { MillraceError } from '../../src/errors.ts';
import { keyMissing } from './reshard.ts';

/** Replies of lua/put-N.lua. */
export type PutReply = readonly [status: string, ...details: string[]];

/** The server took nothing and may take it later. */
const PASSING = /^(OOM|LOADING|READONLY|MISCONF|NOREPLICAS|BUSY|MASTERDOWN|TRYAGAIN)\b/;

export function isPassing(error: Error): boolean {
  return PASSING.test(error.message);
}

export function refusal(stream: string, reply: PutReply | Error): MillraceError {
  if (reply instanceof Error) {
    return new MillraceError(
      'put-interrupted',
      `the Redis server refused records for the stream "${stream}": ${reply.message}`,
      {
        hint: hintFor(reply.message),
        cause: reply,
      },
    );
  }
  const [status, key = stream, why = ''] = reply;
  if (status === 'missing') return keyMissing(stream, key);
  if (status === 'type') {
    return new MillraceError('stream-wrong-type', `the Redis key "${key}" is no stream any more`, {
      hint: 'another program uses this key',
    });
  }
  if (status === 'failed') {
    return new MillraceError('put-interrupted', `the Redis server refused a record for "${key}": ${why}`, {
      hint: hintFor(why),
    });
  }
  return new MillraceError(
    'stream-conflict',
    `the shards of the stream "${stream}" kept changing while records were put`,
    {
      hint: 'try again when the splits and merges are through',
    },
  );
}

export function silence({ stream, timeoutMs }: { readonly stream: string; readonly timeoutMs: number }): MillraceError {
  return new MillraceError(
    'put-interrupted',
    `the Redis server did not answer for ${timeoutMs / 1000} s while records were put into "${stream}"`,
    {
      hint: 'is it running, and can it be reached?',
    },
  );
}

function hintFor(message: string): string {
  if (message.startsWith('OOM')) return 'its memory is full (maxmemory): let mappings catch up, trim, or give it more';
  if (message.includes('exhausted')) return 'somebody sealed this key by hand: nothing can be added to it any more';
  if (message.startsWith('NOPERM')) return "the user's ACL does not allow it";
  return 'look at the log of the Redis server';
}
