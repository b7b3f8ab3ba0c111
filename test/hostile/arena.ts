/** One sandbox as a daemon has it (prelude, egress gateway, spare), a victim that is called all the time, and the hostile cases beside it. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../../src/observe/log.ts';
import { buildPrelude } from '../../src/sandbox/build-prelude.ts';
import { createEgress } from '../../src/sandbox/egress/gateway.ts';
import { createSandbox } from '../../src/sandbox/pool.ts';
import type { FunctionVersion, InvokeOutcome, Sandbox } from '../../src/sandbox/types.ts';
import { CANARIES } from './canaries.ts';
import { type HostileCase, PATIENT_TIMEOUT_MS } from './case.ts';
import { asExpected, type Happened, withinBounds, wordOf } from './judge.ts';
import { Victim, VICTIM_CODE } from './victim.ts';
import { LoopDelay } from './vital-signs.ts';

const OWN_SECRET = 'own-secret-0123456789';
const DEFAULT_MEMORY_MB = 64;
/** Few, so that they are started, evicted and handed on all the time. */
const CHILDREN = 16;

export interface CaseRun {
  readonly name: string;
  readonly number: number | null;
  readonly word: string;
  readonly durationMs: number;
  readonly rssMb: number;
  readonly complaints: readonly string[];
}

/** What a good function does in its next invocation: it logs, asks, and answers. */
const NEXT = `if (event.next) { console.log('next'); if (!event.url) return { next: true, id: context.awsRequestId }; const r = await fetch(event.url); return { next: true, status: r.status, text: await r.text(), id: context.awsRequestId }; }`;

function codeOf(one: HostileCase): string {
  return one.module ?? `exports.handler = async (event, context, callback) => { ${NEXT}\n${one.body} };`;
}

export class Arena {
  readonly loop = new LoopDelay();
  readonly victim: Victim;
  readonly #directory: string;
  readonly #sandbox: Sandbox;
  readonly #server: Server;
  readonly #url: string;
  readonly #closeEgress: () => void;
  readonly #versions = new Map<HostileCase, FunctionVersion>();
  #strayLines = 0;

  private constructor(directory: string, sandbox: Sandbox, server: Server, closeEgress: () => void) {
    this.#directory = directory;
    this.#sandbox = sandbox;
    this.#server = server;
    this.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    this.#closeEgress = closeEgress;
    const environment = { SECRET: CANARIES.environment };
    this.victim = new Victim(sandbox, this.#version('victim', VICTIM_CODE, { environment }));
  }

  static async open(): Promise<Arena> {
    const directory = mkdtempSync(path.join(tmpdir(), 'millrace-arena-'));
    const server = createServer((_request, response) => response.end('answer'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const egress = createEgress();
    const sandbox = await createSandbox({
      cacheDir: directory,
      preludePath: (await buildPrelude(directory)).path,
      egress,
      log: silentLog,
      childrenMax: CHILDREN,
    });
    return new Arena(directory, sandbox, server, () => egress.close());
  }

  /** The case, then the next invocation of the same function. */
  async run(one: HostileCase): Promise<CaseRun> {
    let version = this.#versions.get(one);
    if (version === undefined) {
      version = this.#version(`hostile-${this.#versions.size}`, codeOf(one), {
        timeoutMs: one.timeoutMs ?? PATIENT_TIMEOUT_MS,
        memorySizeMb: one.memorySizeMb ?? DEFAULT_MEMORY_MB,
      });
      this.#versions.set(one, version);
    }
    const first = await this.#invoke(version, { n: 1, url: this.#url });
    const complaints = [...asExpected(one, first), ...withinBounds(first)];
    complaints.push(...(await this.#next(one, version)));
    const { outcome } = first;
    const report = outcome.kind === 'infrastructure' ? null : outcome.report;
    return {
      ...{ name: one.name, number: one.number, word: wordOf(outcome), complaints },
      durationMs: report?.durationMs ?? 0,
      rssMb: report?.maxMemoryUsedMb ?? 0,
    };
  }

  /** Log lines that came after their invocation's outcome, or under another's request id. */
  get strayLines(): number {
    return this.#strayLines;
  }

  async close(): Promise<void> {
    this.loop.stop();
    await this.#sandbox.close();
    this.#closeEgress();
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #next(one: HostileCase, version: FunctionVersion): Promise<string[]> {
    const requestId = randomUUID();
    // What is left of an endless loop in the function itself is its own affair; that it works again is not to depend on the machine's load.
    const patient =
      one.next === undefined || one.next === 'plain' ? { ...version, timeoutMs: PATIENT_TIMEOUT_MS } : version;
    const happened = await this.#invoke(patient, { next: true, url: one.next === 'plain' ? '' : this.#url }, requestId);
    const said = (complaint: string): string => `next invocation: ${complaint}`;
    const bounds = withinBounds(happened).map(said);
    if (one.next === 'own-poison') return bounds;
    if (one.next === 'same') return [...asExpected(one, happened).map(said), ...bounds];
    const answer = one.next === 'plain' ? {} : { status: 200, text: 'answer' };
    const wanted = JSON.stringify({ next: true, ...answer, id: requestId });
    const { outcome, logs } = happened;
    if (outcome.kind !== 'ok' || outcome.result !== wanted) bounds.push(said(JSON.stringify(outcome).slice(0, 400)));
    // What the first left behind (timers, responses) may log too: it is the same function.
    if (!logs.includes('next')) bounds.push(said(`log ${JSON.stringify(logs).slice(0, 200)}`));
    return bounds;
  }

  async #invoke(version: FunctionVersion, event: object, requestId: string = randomUUID()): Promise<Happened> {
    const logs: string[] = [];
    let settled = false;
    const began = performance.now();
    const outcome: InvokeOutcome = await this.#sandbox.invoke({
      version,
      event: Buffer.from(JSON.stringify(event)),
      ascii: true,
      context: { requestId },
      lease: null,
      log: ({ text, requestId: of }) => {
        if (settled || of !== requestId) this.#strayLines++;
        logs.push(text);
      },
    });
    settled = true;
    const { timeoutMs, memorySizeMb } = version;
    return { outcome, logs, timeoutMs, memorySizeMb, lateMs: this.loop.lateSince(began) };
  }

  #version(name: string, code: string, over: Partial<FunctionVersion>): FunctionVersion {
    const hash = createHash('sha256').update(name).update(code).digest('hex');
    const bundlePath = path.join(this.#directory, `${hash}.js`);
    writeFileSync(bundlePath, code);
    return {
      ...{ name, hash, bundlePath, sourceMapPath: null, codeCachePath: null },
      ...{ exportPath: 'handler', handlerText: 'index.handler', concurrencyPerProcess: 1 },
      ...{ memorySizeMb: DEFAULT_MEMORY_MB, timeoutMs: PATIENT_TIMEOUT_MS },
      environment: { OWN_SECRET },
      networkAllow: [new URL(this.#url).host],
      secrets: [OWN_SECRET],
      ...over,
    };
  }
}
