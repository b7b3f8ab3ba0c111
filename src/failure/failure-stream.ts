/** Reading a failure stream, page by page: a notice may be as large as an event, so that pages are short. */
import { FAILURES_PAGE } from '../failure-limits.ts';
import { MillraceError } from '../errors.ts';
import { isWrongType, type Redis } from '../redis/connect.ts';

export interface NoticeText {
  readonly id: string;
  /** Undefined: the entry has no field `notice`. */
  readonly text: string | undefined;
}

/** All entries, oldest first. @throws MillraceError `stream-wrong-type` */
export async function* readFailureStream(redis: Redis, stream: string): AsyncGenerator<NoticeText> {
  for (let from = '-'; ;) {
    const page = await asStream(stream, redis.xrange(stream, from, '+', 'COUNT', FAILURES_PAGE));
    for (const [id, fields] of page) yield { id, text: noticeIn(fields) };
    if (page.length < FAILURES_PAGE) return;
    from = `(${page.at(-1)![0]}`;
  }
}

/** Null: there is no such entry. @throws MillraceError `stream-wrong-type` */
export async function readFailureEntry(redis: Redis, stream: string, id: string): Promise<NoticeText | null> {
  const [entry] = await asStream(stream, redis.xrange(stream, id, id));
  return entry ? { id: entry[0], text: noticeIn(entry[1]) } : null;
}

function noticeIn(fields: readonly string[]): string | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === 'notice') return fields[i + 1];
  return undefined;
}

async function asStream<T>(stream: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!isWrongType(error)) throw error;
    throw new MillraceError('stream-wrong-type', `the failure stream ${stream} is no stream`, {
      hint: 'look at destinationConfig.onFailure of the mapping, and at what wrote that key',
      cause: error,
    });
  }
}
