// `npm run audit:packages`: are there known vulnerabilities in what package-lock.json names? npm asks its registry. A registry that offers no such
// answer (a mirror, or none to be reached) is told plainly and fails nothing; a finding fails.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const WAIT_MS = 60_000;
/** What a registry without this answer says: not here, not in this way. */
const OFFERS_NONE = new Set([400, 404, 405, 501]);
const NOT_REACHED = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOAUDIT/;

const args = ['audit', '--json', '--audit=true', '--fetch-retries=0', '--fetch-timeout=20000'];
const { stdout, stderr, error } = spawnSync('npm', [...args, ...process.argv.slice(2)], {
  cwd: root,
  encoding: 'utf8',
  timeout: WAIT_MS,
  maxBuffer: 64 * 1024 * 1024,
});
process.exitCode = judge(parse(stdout));

function judge(answer) {
  const found = answer?.metadata?.vulnerabilities;
  if (found !== undefined) {
    for (const { name, severity, range, via } of Object.values(answer.vulnerabilities)) {
      const titles = via.map((one) => (typeof one === 'string' ? `by ${one}` : `${one.title} ${one.url}`));
      console.log(`${severity}: ${name} ${range}: ${titles.join('; ')}`);
    }
    console.log(`${found.total} known vulnerabilities in ${answer.metadata.dependencies.total} packages.`);
    return found.total === 0 ? 0 : 1;
  }
  if (OFFERS_NONE.has(answer?.statusCode)) {
    console.log(`No audit: the registry offers none (${answer.statusCode}). Nothing was checked.`);
    return 0;
  }
  const text = `${answer?.message ?? ''} ${JSON.stringify(answer?.error ?? '')} ${stderr} ${error?.message ?? ''}`;
  if (NOT_REACHED.test(text)) {
    console.log('No audit: the registry cannot be reached. Nothing was checked.');
    return 0;
  }
  console.log(`The audit went wrong: ${text.trim().slice(0, 2_000)}`);
  return 2;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // npm said something else: judged by its other output.
  }
}
