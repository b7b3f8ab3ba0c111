/**
 * Loaded by a daemon before anything else: at SIGUSR2 its wall clock jumps by an hour or a day and an hour, forth or back; at the next one
 * it is right again. Clocks that never jump are left alone.
 */
const HOUR = 3_600_000;
const JUMPS = [HOUR, -HOUR, 25 * HOUR, -25 * HOUR];

const RealDate = globalThis.Date;
let ahead = 0;
let jumps = process.pid;

class JumpingDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(RealDate.now() + ahead);
    else super(...(args as [number]));
  }

  static override now(): number {
    return RealDate.now() + ahead;
  }
}
globalThis.Date = JumpingDate as DateConstructor;

process.on('SIGUSR2', () => {
  ahead = ahead === 0 ? JUMPS[jumps++ % JUMPS.length]! : 0;
});
