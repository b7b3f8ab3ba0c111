/** A region at the bottom of the terminal that is drawn anew, with log lines running above it. Without a terminal: plain lines. */

export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

const UP = (lines: number): string => (lines > 0 ? `\x1b[${lines}A` : '');
const CLEAR_BELOW = '\r\x1b[J';
/** Log lines per redraw: a handler that floods its log must not make the view unreadable; the rest is counted. */
const LOG_LINES_PER_DRAW = 12;

export class Screen {
  readonly live: boolean;
  private readonly terminal: Terminal;
  private drawn: readonly string[] = [];
  private logged = 0;
  private held = 0;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
    this.live = terminal.isTTY === true;
  }

  get columns(): number {
    return Math.max((this.terminal.columns ?? 80) - 1, 20);
  }

  get rows(): number {
    return Math.max((this.terminal.rows ?? 24) - 1, 8);
  }

  /** One line of a log, above the region. */
  log(line: string): void {
    this.logged += 1;
    if (this.live && this.logged > LOG_LINES_PER_DRAW) this.held += 1;
    else this.above([line]);
  }

  /** Text that stays, above the region; never held back. */
  print(lines: readonly string[]): void {
    this.above(lines);
  }

  draw(lines: readonly string[]): void {
    if (!this.live) return;
    const note = this.held > 0 ? [`… and ${this.held} more log lines`] : [];
    this.logged = 0;
    this.held = 0;
    this.replace(note, lines);
  }

  /** Leaves what was drawn last on the screen and goes on below it. */
  finish(): void {
    this.drawn = [];
  }

  private above(lines: readonly string[]): void {
    this.replace(lines, this.drawn);
  }

  private replace(above: readonly string[], region: readonly string[]): void {
    const back = this.drawn.length > 0 ? `${UP(this.drawn.length)}${CLEAR_BELOW}` : '';
    const text = [...above, ...region].map((line) => `${line}\n`).join('');
    if (back !== '' || text !== '') this.terminal.write(`${back}${text}`);
    this.drawn = region;
  }
}
