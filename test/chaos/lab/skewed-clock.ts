/**
 * Loaded by a daemon before anything else: its wall clock (Date) is wrong as MILLRACE_TEST_CLOCK says, and at each SIGUSR2 it is set anew.
 * What never jumps (performance.now, hrtime, timers) is left alone, and so are the functions' isolates, which have a Date of V8's own.
 */
import type { ClockPlan } from './clocks.ts';

const plan = JSON.parse(process.env['MILLRACE_TEST_CLOCK'] ?? '{"aheadMs":0,"drift":0,"jumps":[]}') as ClockPlan;
const RealDate = globalThis.Date;
const began = performance.now();
let aheadMs = plan.aheadMs;
let jumps = 0;

function skewed(): number {
  return Math.floor(RealDate.now() + aheadMs + (performance.now() - began) * plan.drift);
}

class SkewedDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(skewed());
    else super(...(args as [number]));
  }

  static override now(): number {
    return skewed();
  }
}
globalThis.Date = SkewedDate as DateConstructor;

process.on('SIGUSR2', () => {
  aheadMs = plan.jumps[jumps++ % plan.jumps.length]!;
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), msg: 'clock set', aheadMs })}\n`);
});
