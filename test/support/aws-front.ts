/**
 * What AWS puts in front of its services and local stand-ins leave out: it computes the signature of every request anew, with the aws4
 * package, from the secret that it knows, and lets through only what was signed with it. What is behind answers: a server, or a function.
 */
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { EXAMPLES } from './example-packages.ts';
import { type Asked, type HttpServer, type Reply, useHttpServer } from './http-server.ts';

export const REGION = 'eu-central-1';
export const CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'a/secret+that/only+AWS/knows' };

interface Signing {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | '';
  readonly service: string;
  readonly region: string;
}

interface Aws4 {
  sign(request: Signing, credentials: typeof CREDENTIALS): { readonly headers: Record<string, string> };
}

export interface AwsFront extends HttpServer {
  /** How many requests were let through, and how many were not. */
  readonly counts: { passed: number; refused: number };
}

export type Behind = (request: Asked) => Reply | Promise<Reply>;

export function useAwsFront(service: string, behind: Behind): AwsFront {
  const counts = { passed: 0, refused: 0 };
  const server = useHttpServer((request) => {
    const wrong = faultOf(service, request);
    if (wrong === null) {
      counts.passed++;
      return behind(request);
    }
    counts.refused++;
    return refusal(service, wrong);
  });
  return {
    asked: server.asked,
    counts,
    get url() {
      return server.url;
    },
    get host() {
      return server.host;
    },
  };
}

/** What is wrong with the signature; null when it is right. */
function faultOf(service: string, { method, path: target, headers, body }: Asked): string | null {
  const text = headers.authorization ?? '';
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), /.exec(text);
  if (parts === null) return 'not signed';
  const [, key, region, named, signed] = parts;
  if (key !== CREDENTIALS.accessKeyId || region !== REGION || named !== service) return 'signed for something else';
  const names = signed!.split(';');
  if (!names.includes('host') || !names.includes('x-amz-date')) return 'host and date must be signed';
  const sha256 = headers['x-amz-content-sha256'];
  if (sha256 !== undefined && sha256 !== createHash('sha256').update(body).digest('hex')) return 'another body';
  const aws4 = createRequire(path.join(EXAMPLES, 'package.json'))('aws4') as Aws4;
  const given = Object.fromEntries(names.map((name) => [name, String(headers[name])]));
  const host = headers.host ?? '';
  // aws4 adds headers for a body, also for an empty one.
  const signedBody = body.length === 0 ? '' : body;
  const request = { host, path: target, method, headers: given, body: signedBody, service, region: REGION } as const;
  const expected = aws4.sign(request, CREDENTIALS);
  const signature = (header: string | undefined) => /Signature=([0-9a-f]{64})/.exec(header ?? '')?.[1];
  const wanted = signature(expected.headers['Authorization']);
  return wanted !== undefined && wanted === signature(text) ? null : 'another secret';
}

const REFUSAL = 'The request signature we calculated does not match the signature you provided.';

/** As the service says it: XML for S3, JSON for the others. */
function refusal(service: string, wrong: string): Reply {
  if (service === 's3') {
    const body = `<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>${REFUSAL} (${wrong})</Message></Error>`;
    return { status: 403, headers: { 'content-type': 'application/xml' }, body };
  }
  const body = JSON.stringify({
    __type: 'com.amazon.coral.service#InvalidSignatureException',
    message: `${REFUSAL} (${wrong})`,
  });
  return { status: 400, headers: { 'content-type': 'application/x-amz-json-1.0' }, body };
}

/** Hands the request on as it came, `host` included, and the answer back. */
export function forward(port: () => number): Behind {
  return ({ method, path: target, headers, body }) =>
    new Promise((resolve, reject) => {
      const outgoing = httpRequest({ port: port(), host: '127.0.0.1', method, path: target, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const {
            'transfer-encoding': _framing,
            connection: _connection,
            'keep-alive': _alive,
            ...kept
          } = response.headers;
          resolve({
            status: response.statusCode ?? 500,
            headers: Object.fromEntries(Object.entries(kept).map(([name, value]) => [name, String(value)])),
            body: Buffer.concat(chunks),
          });
        });
      });
      outgoing.once('error', reject);
      outgoing.end(body);
    });
}
