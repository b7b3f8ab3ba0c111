/**
 * Children that do not keep to the protocol: a real process with a program of ours that has no isolate and does what a compromised child
 * could do. Each is a text of CommonJS that begins with PREAMBLE; `attack()` is called when an invocation arrives.
 */
const PREAMBLE = `
const fs = require('node:fs');
const [READY, INIT_DONE, RESULT, FAILURE, LOG, FETCH, FETCH_CANCEL, OUT_OF_MEMORY, COMPILED, PREPARED] = [16, 17, 18, 19, 20, 21, 22, 23, 24, 25];
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32LE(n >>> 0); return b };
const header = (type, flags, length) => Buffer.concat([u32(length), Buffer.from([type, flags, 0, 0])]);
const raw = (bytes) => { for (let at = 0; at < bytes.length;) at += fs.writeSync(3, bytes, at) };
const send = (type, flags, ...parts) => { const body = Buffer.concat(parts.map((p) => Buffer.from(p))); raw(Buffer.concat([header(type, flags, body.length), body])) };
const pack = (...parts) => Buffer.concat(parts.flatMap((p) => [u32(Buffer.byteLength(p)), Buffer.from(p)]));
const head = (url, over = {}) => JSON.stringify({ method: 'POST', url, headers: [], redirect: 'follow', ...over });
const fetchFrame = (id, url, body, over) => send(FETCH, 1, u32(id), pack(head(url, over), body));
const result = (text) => send(RESULT, 0, u32(0), text);
const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
let event;
let held = Buffer.alloc(0);
const next = () => {
  for (;;) {
    if (held.length >= 8 && held.length >= 8 + held.readUInt32LE(0)) {
      const end = 8 + held.readUInt32LE(0);
      const frame = { type: held[4], payload: held.subarray(8, end) };
      held = held.subarray(end);
      return frame;
    }
    const chunk = Buffer.alloc(65536);
    const got = fs.readSync(3, chunk, 0, chunk.length, null);
    if (got === 0) process.exit(0);
    held = Buffer.concat([held, chunk.subarray(0, got)]);
  }
};
`;

const MAIN = `
send(READY, 0);
for (;;) {
  const { type, payload } = next();
  if (type === 4) send(COMPILED, 0);
  else if (type === 5) send(PREPARED, 0);
  else if (type === 1) send(INIT_DONE, 0);
  else if (type === 2) { event = JSON.parse(payload.subarray(4 + payload.readUInt32LE(0))); attack() }
}
`;

export function rogueProgram(attack: string): string {
  return `${PREAMBLE}\nfunction attack() { ${attack} }\n${MAIN}`;
}
