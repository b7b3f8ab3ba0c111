/** TLS and logins for a test broker: a certificate authority of its own, a user who may do everything, and one who may do what is granted. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const USER = 'alice';
export const PASSWORD = 'alices-own-secret';

/** Without any right. */
export const GUEST = 'carol';
export const GUEST_PASSWORD = 'carols-own-secret';

/** TLS; TLS with the client's certificate; a login (SASL) without TLS; a login that offers PLAIN and nothing else. */
export interface SecurePorts {
  readonly SSL: number;
  readonly MUTUAL: number;
  readonly LOGIN: number;
  readonly PLAINLY: number;
}

export function secureProperties(dir: string, protocols: string): string[] {
  const login = (mechanism: string, module: string, listener = 'login') =>
    `listener.name.${listener}.${mechanism}.sasl.jaas.config=org.apache.kafka.common.security.${module} required`;
  const users = `user_${USER}="${PASSWORD}" user_${GUEST}="${GUEST_PASSWORD}"`;
  return [
    `listener.security.protocol.map=${protocols},SSL:SSL,MUTUAL:SSL,LOGIN:SASL_PLAINTEXT,PLAINLY:SASL_PLAINTEXT`,
    ...['ssl.keystore.type=PEM', `ssl.keystore.location=${path.join(dir, 'server.pem')}`],
    ...['ssl.truststore.type=PEM', `ssl.truststore.location=${path.join(dir, 'ca.pem')}`],
    'listener.name.mutual.ssl.client.auth=required',
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    `${login('plain', 'plain.PlainLoginModule')} ${users};`,
    'listener.name.plainly.sasl.enabled.mechanisms=PLAIN',
    `${login('plain', 'plain.PlainLoginModule', 'plainly')} ${users};`,
    `${login('scram-sha-256', 'scram.ScramLoginModule')};`,
    `${login('scram-sha-512', 'scram.ScramLoginModule')};`,
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // The broker itself and the tests' own clients come without a login.
    `super.users=User:ANONYMOUS;User:${USER};User:CN=client`,
  ];
}

/** ca.pem; server.pem (key and certificate); client.pem and client.key; other-ca.pem, which signed nothing here. */
export async function makeCertificates(dir: string): Promise<void> {
  const at = (name: string) => path.join(dir, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir });
  const authority = (name: string) =>
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  await Promise.all([authority('ca'), authority('other-ca')]);
  await writeFile(at('san.ext'), 'subjectAltName=IP:127.0.0.1\n');
  for (const name of ['server', 'client']) {
    await openssl(
      ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`],
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san.ext'];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`);
  }
  await writeFile(
    at('server.pem'),
    (await readFile(at('server.key'), 'utf8')) + (await readFile(at('server.pem'), 'utf8')),
  );
}
