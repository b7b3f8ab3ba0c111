/** zlib of the child, as the prelude has it: bytes in, bytes or a failure out. */
import type { Hooks, ZlibAnswer, ZlibFailure } from '../runtime/hooks.ts';
import { fromBase64, toBase64 } from './bytes.ts';
import type { Host } from './host.ts';
import { charCodeAt, parse, stringSlice } from './primordials.ts';

const EXCLAMATION_MARK = 33;

export function zlibOf(host: Host, bytesMax: number): Hooks['zlib'] {
  const failed = (failure: ZlibFailure) => ({ __proto__: null, bytes: null, failure }) as unknown as ZlibAnswer;
  return (format, options, bytes) => {
    if (bytes.byteLength > bytesMax) {
      const message = `Cannot create a Buffer larger than ${bytesMax} bytes`;
      return failed({ name: 'RangeError', message, code: 'ERR_BUFFER_TOO_LARGE' });
    }
    const answer = host.zlib(format, options, toBase64(bytes));
    if (charCodeAt(answer, 0) === EXCLAMATION_MARK) return failed(parse(stringSlice(answer, 1)) as ZlibFailure);
    return { __proto__: null, bytes: fromBase64(answer), failure: null } as unknown as ZlibAnswer;
  };
}
