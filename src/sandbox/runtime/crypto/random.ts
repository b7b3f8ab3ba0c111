/** Random bytes in any number: the host gives 64 KB at a time. */
import { hooks } from '../host.ts';

const AT_ONCE = 65_536;

export function fillRandom(target: Uint8Array): void {
  for (let at = 0; at < target.length; at += AT_ONCE) {
    const count = Math.min(AT_ONCE, target.length - at);
    target.set(hooks.randomBytes(count), at);
  }
}

/** `count` random bytes as lower-case hex. */
export function randomHex(count: number): string {
  let text = '';
  for (const byte of hooks.randomBytes(count)) text += (byte + 256).toString(16).slice(1);
  return text;
}

let ahead = '';
let used = 0;

/** RFC 9562 version 4. One call to the host serves 64 of them. */
export function randomUUID(): string {
  if (used >= ahead.length) {
    ahead = randomHex(1024);
    used = 0;
  }
  const h = ahead.slice(used, (used += 32));
  const variant = '89ab'[parseInt(h[16]!, 16) & 3]!;
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20)}`;
}
