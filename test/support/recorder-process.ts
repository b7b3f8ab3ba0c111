/**
 * The recorder: a process of its own that appends to one file, independent of Redis and of everything under test.
 * POST / with a JSON line or a list of them. Lines from handlers come through Millrace's egress gateway, which sets X-Millrace-*
 * headers that handlers cannot; they, not the body, say whose lines these are. For those the recorder is also a sink that fences:
 * per shard it remembers the highest epoch and refuses (409, recorded as `refused`) what carries an older one.
 *
 * Usage: node recorder-process.ts FILE RUN. Prints {"port":n}. Ends when its standard input does, so it never outlives its test.
 */
import { openSync, writeSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';

const BODY_BYTES_MAX = 16 * 1024 * 1024;

const [file, run] = process.argv.slice(2);
if (!file || !run) throw new Error('usage: recorder-process.ts FILE RUN');
const fd = openSync(file, 'a');
const highest = new Map<string, bigint>();

type Line = Record<string, unknown>;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error('body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The sender as the gateway attests it; undefined when the request did not come through one. */
function attested(request: IncomingMessage): { shard: string; epoch: string; requestId: string } | undefined {
  const header = (name: string): string => {
    const value = request.headers[`x-millrace-${name}`];
    return typeof value === 'string' ? value : '';
  };
  const epoch = header('epoch');
  if (!/^\d+$/.test(epoch)) return undefined;
  return { shard: `${header('mapping')}/${header('shard')}`, epoch, requestId: header('request-id') };
}

/** True when the epoch is current; remembers it. */
function passes(shard: string, epoch: string): boolean {
  const known = highest.get(shard) ?? 0n;
  const given = BigInt(epoch);
  if (given < known) return false;
  highest.set(shard, given);
  return true;
}

/** One write for all lines of a request, before it is answered: what was answered is in the file, in the order of answers. */
function append(lines: Line[]): void {
  const stamp = { tMono: performance.now(), tWall: Date.now(), run };
  const text = lines.map((line) => `${JSON.stringify({ pid: null, ...line, ...stamp })}\n`).join('');
  writeSync(fd, text);
}

const server = createServer((request, response) => {
  const answer = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  bodyOf(request)
    .then((text) => {
      const parsed: unknown = JSON.parse(text);
      const lines = (Array.isArray(parsed) ? parsed : [parsed]) as Line[];
      const sender = attested(request);
      if (!sender) {
        append(lines);
        return answer(200, { recorded: lines.length });
      }
      const mine = lines.map((line) => ({ ...line, ...sender }));
      if (passes(sender.shard, sender.epoch)) {
        append(mine);
        return answer(200, { recorded: mine.length });
      }
      append(mine.map((line) => ({ ...line, kind: 'refused', was: (line as Line)['kind'] })));
      return answer(409, { refused: mine.length, highest: String(highest.get(sender.shard)) });
    })
    .catch((error: unknown) => answer(400, { error: String(error) }));
});

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  process.stdout.write(`${JSON.stringify({ port: address.port })}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
