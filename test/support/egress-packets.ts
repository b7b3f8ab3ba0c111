/**
 * Run in a network namespace of its own, where every address leads to the loopback interface: sends what its arguments name, and answers how
 * each ended and what the kernel counted meanwhile. Prints JSON.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import type { FetchRequestHead } from '../../src/sandbox/runtime/hooks.ts';
import type { FunctionVersion } from '../../src/sandbox/types.ts';

interface Asked {
  readonly allow: readonly string[];
  readonly requests: readonly Partial<FetchRequestHead>[];
}

/** Packets sent on any interface, connections begun, datagrams sent: all since the namespace began. */
function counters(): Record<string, number> {
  const sent = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .slice(2)
    .filter((line) => line.includes(':'))
    .reduce((sum, line) => sum + Number(line.split(':')[1]!.trim().split(/\s+/)[9]), 0);
  const lines = readFileSync('/proc/net/snmp', 'utf8').split('\n');
  const of = (protocol: string, name: string): number => {
    const [names, values] = lines.filter((line) => line.startsWith(`${protocol}:`)).map((line) => line.split(' '));
    return Number(values![names!.indexOf(name)]);
  };
  return {
    sent,
    opens: of('Tcp', 'ActiveOpens'),
    segments: of('Tcp', 'OutSegs'),
    datagrams: of('Udp', 'OutDatagrams'),
  };
}

const { allow, requests } = JSON.parse(process.argv[2]!) as Asked;
const egress = createEgress({ requestMs: 2_000 });
const version = { hash: 'v', name: 'f', networkAllow: allow } as unknown as FunctionVersion;
const send = async (head: Partial<FetchRequestHead>): Promise<string> => {
  const result = await egress(
    { head: { method: 'GET', headers: [], redirect: 'follow', url: '', ...head }, body: null },
    { version, context: { requestId: 'r' }, lease: null, signal: new AbortController().signal },
  );
  return result.ok ? String(result.head.status) : result.error.code;
};
const before = counters();
const codes: string[] = [];
for (const request of requests) codes.push(await send(request));
const after = counters();

// That packets would have been seen: one that is allowed, and one past the gateway.
const server = createServer((_request, response) => void response.end('ok')).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const { port } = server.address() as AddressInfo;
(version as { networkAllow: readonly string[] }).networkAllow = [...allow, `127.0.0.1:${port}`];
const allowed = await send({ url: `http://127.0.0.1:${port}/` });
const afterAllowed = counters();
await new Promise<void>((resolve) => {
  const socket = connect(80, '10.0.0.1');
  socket.on('error', () => resolve());
  socket.setTimeout(300, () => (socket.destroy(), resolve()));
});
const afterStray = counters();
egress.close();
server.closeAllConnections();
server.close();
process.stdout.write(JSON.stringify({ codes, before, after, allowed, afterAllowed, afterStray }));
