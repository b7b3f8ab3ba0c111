/** Apache Kafka as its jars, fetched once from Maven Central by Maven and kept in `.millrace`: later runs need no network. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from '../house/files.ts';

const run = promisify(execFile);
/** As pom.xml has it. */
const VERSION = '4.3.1';
const FETCH_MS = 5 * 60_000;
const ADVICE = 'or leave its tests out with: npm test -- --without-kafka';

let found: Promise<string> | null = null;

/** Directory of the jars. Rejects with what is missing on this machine, and the advice. Brokers of a cluster ask for it at the same time. */
export function kafkaJars(advice = ADVICE): Promise<string> {
  found ??= findJars(advice);
  return found;
}

async function findJars(advice: string): Promise<string> {
  await needs('java', ['-version'], 'Java 17 or later (Debian: apt-get install openjdk-17-jre-headless)', advice);
  const home = path.join(ROOT, '.millrace', `kafka-${VERSION}`);
  if (existsSync(home)) return home;
  await needs('mvn', ['-v'], 'Maven, which fetches Kafka once (Debian: apt-get install maven)', advice);
  const fresh = `${home}.${process.pid}`;
  await mkdir(fresh, { recursive: true });
  const pom = fileURLToPath(new URL('./pom.xml', import.meta.url));
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${fresh}`];
  try {
    await run('mvn', ['-q', '-B', '-f', pom, ...goal], { timeout: FETCH_MS });
    // Another run may have been as quick.
    if (!existsSync(home)) await rename(fresh, home);
  } catch (error) {
    throw new Error(`Kafka could not be fetched from Maven Central; ${advice}\n${String(error)}`, { cause: error });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return home;
}

/** Beside the jars: Kafka's classes as this Java has them once they are loaded (class data sharing). */
export async function classArchive(): Promise<string> {
  const { stderr } = await run('java', ['-version']);
  const java = /version "([^"]+)"/.exec(stderr)?.[1] ?? 'unknown';
  return `${await kafkaJars()}-java-${java}.jsa`;
}

async function needs(command: string, args: readonly string[], what: string, advice: string): Promise<void> {
  try {
    await run(command, [...args]);
  } catch (error) {
    throw new Error(`a Kafka of its own needs ${what}; ${advice}`, { cause: error });
  }
}
