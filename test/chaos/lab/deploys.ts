/** A function of several files that is deployed anew beside daemons that run it: each of its attempts says which version it was, by both ends. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { HistoryLine } from '../../support/history.ts';
import type { Lab } from './lab.ts';

/** Sent by the function through the gateway, as all that it says is: what one of its files says that it is, before or behind the attempt. */
export interface VersionLine {
  readonly kind: 'version';
  readonly end: 'begin' | 'end';
  readonly version: string;
  readonly shard: string;
  readonly requestId: string;
  readonly attempt: number;
}

const isVersion = (line: HistoryLine | VersionLine): line is VersionLine => line.kind === 'version';

const WRAPPER = `import { handler as attempt } from './attempt.ts';
import { begin } from './begin.ts';
import { end } from './end.ts';

const say = async (what, context) => {
  const line = { kind: 'version', ...what, attempt: context.millrace.attempt };
  await fetch(process.env.RECORDER, { method: 'POST', body: JSON.stringify(line) });
};

export async function handler(event, context) {
  await say({ end: 'begin', version: begin }, context);
  try {
    return await attempt(event, context);
  } catch (error) {
    throw new Error(end + ': ' + error.message);
  } finally {
    // What the attempt did is said; a last word that is not let out undoes none of it.
    await say({ end: 'end', version: end }, context).catch(() => undefined);
  }
}
`;

export async function prepareDeploys({ dir }: Lab): Promise<void> {
  await rename(path.join(dir, 'handler.ts'), path.join(dir, 'attempt.ts'));
  await writeFile(path.join(dir, 'handler.ts'), WRAPPER);
}

/** Whoever starts from now on runs it; who has started runs what it had. */
export async function deploy({ dir }: Lab, version: string): Promise<void> {
  for (const name of ['begin', 'end']) {
    const file = path.join(dir, `${name}.ts`);
    // At once: somebody may be reading it.
    await writeFile(`${file}.new`, `export const ${name} = ${JSON.stringify(version)};\n`);
    await rename(`${file}.new`, file);
  }
}

/** As the recorder has them; the checker passes over these lines. */
export async function versionsOf(lab: Lab): Promise<VersionLine[]> {
  const text = await readFile(lab.recorder.file, 'utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as HistoryLine | VersionLine).filter(isVersion);
}
