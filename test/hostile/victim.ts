/** The innocent function beside the hostile ones, in the same sandbox: called at a steady rate, checked to the last byte. */
import { randomUUID } from 'node:crypto';
import type { FunctionVersion, Sandbox } from '../../src/sandbox/types.ts';
import { CANARIES } from './canaries.ts';

export const VICTIM_CODE = `
// ${CANARIES.code}
let victimCount = 0;
exports.handler = async (event, context) => {
  const clean = Object.keys(Object.prototype).length === 0 && Object.keys(Array.prototype).length === 0
    && JSON.stringify({ a: [1] }) === '{"a":[1]}' && Promise.prototype.then.name === 'then' && !('kept' in globalThis);
  const until = Date.now() + event.busyMs;
  while (Date.now() < until);
  return { n: ++victimCount, clean, secret: process.env.SECRET.length, echo: event, id: context.awsRequestId };
};`;

const EVERY_MS = 40;

export interface VictimFigures {
  readonly calls: number;
  readonly latencies: readonly number[];
  readonly complaints: readonly string[];
}

/** Calls until it is stopped; a call is made when it is due, or as soon as the one before has come back. */
export class Victim {
  readonly #sandbox: Sandbox;
  readonly #version: FunctionVersion;
  #latencies: number[] = [];
  readonly #complaints: string[] = [];
  #calls = 0;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(sandbox: Sandbox, version: FunctionVersion) {
    this.#sandbox = sandbox;
    this.#version = version;
  }

  start(): void {
    this.#running = this.#loop();
  }

  async stop(): Promise<VictimFigures> {
    this.#stopped = true;
    await this.#running;
    return { calls: this.#calls, latencies: this.#latencies, complaints: this.#complaints };
  }

  /** Answers the latencies so far, and counts from here. */
  reset(): number[] {
    const before = this.#latencies;
    this.#latencies = [];
    return before;
  }

  async #loop(): Promise<void> {
    let due = performance.now();
    while (!this.#stopped) {
      due = Math.max(due + EVERY_MS, performance.now());
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      await this.#call(due);
    }
  }

  async #call(due: number): Promise<void> {
    const requestId = randomUUID();
    const event = { busyMs: 0, record: CANARIES.record, n: this.#calls };
    const outcome = await this.#sandbox.invoke({
      version: this.#version,
      event: Buffer.from(JSON.stringify(event)),
      ascii: true,
      context: { requestId },
      lease: null,
      log: ({ text }) => this.#complaints.push(`the victim logged: ${text.slice(0, 200)}`),
    });
    this.#latencies.push(performance.now() - due);
    // It keeps one process from beginning to end: a count that begins anew is a process that was lost with somebody else's.
    const wanted = { n: ++this.#calls, clean: true, secret: CANARIES.environment.length, echo: event, id: requestId };
    if (outcome.kind !== 'ok' || outcome.result !== JSON.stringify(wanted))
      this.#complaints.push(`the victim's call ${this.#calls}: ${JSON.stringify(outcome).slice(0, 400)}`);
  }
}
