/** The `state` of a handler's answer, as text: what the next invocation of the window gets. */
import { WINDOW_STATE_BYTES_MAX } from '../tumbling.ts';
import { findMember, wholeValue } from './json-scan.ts';

export type ReturnedState =
  | { readonly kind: 'ok'; readonly state: string; readonly tooLarge: boolean }
  /** Completes "The function's answer cannot be used in a window: …". */
  | { readonly kind: 'malformed'; readonly reason: string };

/** `text` is the handler's return value as JSON text. */
export function readState(text: string): ReturnedState {
  const whole = wholeValue(text);
  if (!whole || text[whole.start] !== '{') return { kind: 'malformed', reason: 'it is no object with a state' };
  const span = findMember(text, whole, 'state');
  if (!span) return { kind: 'malformed', reason: 'it has no state' };
  if (text[span.start] !== '{') return { kind: 'malformed', reason: 'its state is no object' };
  const state = text.slice(span.start, span.end);
  return { kind: 'ok', state, tooLarge: Buffer.byteLength(state) > WINDOW_STATE_BYTES_MAX };
}
