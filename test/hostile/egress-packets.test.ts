/** Requests that are refused (66, 67 and 69 of the list of hostile handlers), and the kernel's word that no packet left. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { FetchRequestHead } from '../../src/sandbox/runtime/hooks.ts';

const PROGRAM = fileURLToPath(new URL('../support/egress-packets.ts', import.meta.url));
/** Every address leads to the loopback interface of a network that nobody else is in. */
const NETWORK =
  'ip link set lo up && ip route add default dev lo && { ip -6 route add default dev lo || true; } && exec "$@"';

const ADDRESSES = [
  ...[
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '0.0.0.0',
    '0',
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '017700000001',
    '0177.0.0.01',
    '127.000.000.001',
    '127.0.0.1.',
  ],
  ...[
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.100.100.200',
    '100.64.0.1',
    '168.63.129.16',
    '192.0.0.192',
    '2852039166',
    '0xa9fea9fe',
  ],
  ...[
    '224.0.0.1',
    '255.255.255.255',
    '198.18.0.1',
    '203.0.113.1',
    '１２７.0.0.1',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '%31%32%37.0.0.1',
  ],
  ...[
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[::ffff:10.0.0.1]',
    '[::ffff:0:127.0.0.1]',
  ],
  ...[
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::a00:1]',
    '[2002:7f00:1::]',
    '[2002:a00:1::1]',
    '[2001:0:a00:1::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[fc00::1]',
    '[fd00:ec2::254]',
  ],
  ...['[ff02::1]', '[2001:db8::1]', '[100::1]', '[3fff::1]', '[5f00::1]'],
];
const NAMES = [
  'localhost',
  'localhost.',
  'LOCALHOST',
  'ｌｏｃａｌｈｏｓｔ',
  'evil.com',
  'api.example.com.evil.com',
  'example.com',
  'api.example.com@evil.com',
  'xn--fsq.com',
  'metadata.google.internal',
];
const OTHER = [
  'file:///etc/passwd',
  'gopher://127.0.0.1:6379/_PING',
  'data:text/plain,x',
  'ftp://127.0.0.1/',
  'javascript:1',
  'ws://127.0.0.1/',
  'http://',
  'http://[fe80::1%25lo]/',
  'http://[::1',
  'blob:http://x/1',
  'unix:/run/x',
  'http://127.0.0.1:99999/',
  'http:/\\127.0.0.1/',
  '//127.0.0.1/',
  'http://u:p@api.example.com/',
];

/** A name and a header that are the gateway's to refuse; each to an address that is listed, so that nothing else refuses it. */
const HEADERS: [string, string][] = [
  ['A', 'b\r\nX-Millrace-Epoch: 9'],
  ['A\r\nB', 'x'],
  ['A', 'b\nc'],
  ['A', 'b\rc'],
  ['A', 'b\0'],
  ['A ', 'b'],
  ['A:', 'b'],
  ['', 'b'],
  ['Host', 'other'],
  ['host', '127.0.0.1'],
  ['Transfer-Encoding', 'chunked'],
  ['transfer-encoding', 'identity'],
  ['Content-Length', '5'],
  ['Connection', 'upgrade'],
  ['Connection', 'close, X-Own'],
  ['Keep-Alive', 'x'],
  ['Upgrade', 'h2c'],
  ['TE', 'trailers'],
  ['Trailer', 'X'],
  ['Expect', '100-continue'],
  ['HTTP2-Settings', 'x'],
  ['Proxy-Authorization', 'x'],
  ['Proxy-Connection', 'keep-alive'],
  ['X-Millrace-Epoch', '1'],
  ['x-MILLRACE-shard', '1'],
];
const METHODS = [
  'CONNECT',
  'connect',
  'TRACE',
  'TRACK',
  'GET / HTTP/1.1\r\nA: b\r\n\r\nGET',
  'GET ',
  'G\0T',
  '',
  'GET\r\n',
  'GÉT',
  'x'.repeat(40),
];

const requests: Partial<FetchRequestHead>[] = [
  ...[...ADDRESSES, ...NAMES].flatMap((host) => [
    { url: `http://${host}/` },
    { url: `http://${host}:6379/` },
    { url: `https://${host}/` },
  ]),
  ...OTHER.map((url) => ({ url })),
  ...HEADERS.map((header) => ({ url: 'http://127.0.0.3:81/', method: 'POST', headers: [header] })),
  ...METHODS.map((method) => ({ url: 'http://127.0.0.3:81/', method })),
];
const allow = ['api.example.com:443', '*.example.com:80', 'localhost:80', '127.0.0.3:81'];

describe('what is refused', () => {
  test('is refused before a packet leaves', () => {
    const unshare = process.geteuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net'];
    const inNetwork = (...command: string[]) =>
      spawnSync('unshare', [...unshare, 'sh', '-c', NETWORK, 'sh', ...command], { encoding: 'utf8', timeout: 60_000 });
    // Where no network can be made for it (no Linux, no right to a namespace, no `ip`) the other tests of refusals have to do.
    if (inNetwork('true').status !== 0) return;
    const { stdout, stderr } = inNetwork(process.execPath, PROGRAM, JSON.stringify({ allow, requests }));
    expect(stderr).toBe('');
    const got = JSON.parse(stdout) as {
      codes: string[];
      allowed: string;
      before: Record<string, number>;
      after: Record<string, number>;
      afterAllowed: Record<string, number>;
      afterStray: Record<string, number>;
    };
    const others = requests.filter((_request, i) => got.codes[i] !== 'ERR_EGRESS_REFUSED');
    expect(others).toEqual([]);
    expect(got.codes).toHaveLength(requests.length);
    expect(got.after).toEqual(got.before);
    // The kernel would have counted it.
    expect(got.allowed).toBe('200');
    expect(got.afterAllowed.opens).toBe(got.after.opens! + 1);
    expect(got.afterAllowed.sent).toBeGreaterThan(got.after.sent!);
    expect(got.afterStray.sent).toBeGreaterThan(got.afterAllowed.sent!);
  }, 90_000);
});
