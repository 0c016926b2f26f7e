import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** What has been done so far. */
export interface Progress {
  readonly count: number;
  /** What is counted, in the plural. */
  readonly noun: string;
  /** How far that is, such as in bytes. */
  readonly done: number;
  /** How far the end is; undefined where nobody knows, as of a pipe. */
  readonly total: number | undefined;
}

const BAR_WIDTH = 24;
const REDRAW_MS = 200;
const PLAIN_MS = 10_000;

/** Where progress and messages go: one line that redraws itself on a terminal, a plain line now and then elsewhere. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #quiet: boolean;
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;

  /** @param options.quiet shows no progress; messages are shown nonetheless */
  constructor(out: NodeJS.WriteStream, options: { quiet: boolean }) {
    this.#out = out;
    this.#quiet = options.quiet;
  }

  line(text: string, style?: Style): void {
    this.#clear();
    this.#out.write(`${style === undefined ? text : styleText(style, text, { stream: this.#out })}\n`);
  }

  /** Shows progress until `endProgress`. */
  beginProgress(progress: () => Progress): void {
    if (this.#quiet) return;
    const startedAt = Date.now();
    const show = (): void => {
      const text = describeProgress(progress(), (Date.now() - startedAt) / 1000);
      if (!this.#out.isTTY) return this.line(text);
      this.#clear();
      this.#out.write(text.slice(0, (this.#out.columns ?? 80) - 1));
      this.#drawn = true;
    };
    this.#timer = setInterval(show, this.#out.isTTY ? REDRAW_MS : PLAIN_MS);
    this.#timer.unref();
  }

  endProgress(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #clear(): void {
    if (this.#drawn) this.#out.write('\r\u001b[2K');
    this.#drawn = false;
  }
}

/** One line of progress after so many seconds. */
export function describeProgress({ count: counted, noun, done, total }: Progress, seconds: number): string {
  const rate = seconds > 0 ? counted / seconds : 0;
  const speed = `${count(counted)} ${noun}, ${count(Math.round(rate))}/s`;
  if (total === undefined || total === 0 || done === 0) return speed;
  const share = Math.min(1, done / total);
  const full = Math.round(share * BAR_WIDTH);
  const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
  const left = (seconds / share) * (1 - share);
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${speed}, ${duration(left)} left`;
}

/** A whole number as people read it: 1,234,567. */
export function count(number: number): string {
  return number.toLocaleString('en-US');
}

/** `1 slice`, `1,200 slices`. */
export function plural(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Seconds as people read them: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
