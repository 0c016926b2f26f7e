import { styleText } from 'node:util';
import type { EventWords } from './event-words.ts';

type Style = Parameters<typeof styleText>[0];

/** Events of one kind that are told one by one within a second; a flood is summed up. */
const LINES_A_SECOND = 5;
/** Different troubles that are told; who has more of them reads the logs. */
const MOST_TROUBLES = 20;
const HEADLINE_STYLES: Readonly<Record<string, Style>> = {
  'Offer Went Live': 'green',
  'Offer Blocked': 'red',
  'Offer Removed': 'yellow',
  'Offer Added': 'cyan',
  'Buy Box Changed': 'magenta',
  'Price Removed': 'yellow',
  'Price Added': 'cyan',
  'Watch Invalid': 'red',
  'Entitlement Granted': 'green',
  'Entitlement Stuck': 'red',
  'Order Created': 'green',
  'Order Rejected': 'red',
};
/** Room for the name of what an event is about: the story behind it tells more than the end of a long name. */
const NAME_WIDTH = 28;

/** What `npm start` shows. Colour only on a terminal, and only where NO_COLOR is not set. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #quiet: boolean;
  readonly #now: () => Date;
  #second = '';
  #told = new Map<string, number>();
  readonly #troubles = new Set<string>();

  constructor(out: NodeJS.WriteStream, options: { quiet: boolean; now?: () => Date }) {
    this.#out = out;
    this.#quiet = options.quiet;
    this.#now = options.now ?? (() => new Date());
  }

  line(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  heading(text: string): void {
    this.line(this.#style('bold', text));
  }

  /** One step of the start, told as it begins. */
  step(text: string): void {
    this.line(this.#style('dim', `  ${text} …`));
  }

  /** A table of what runs where. */
  table(rows: readonly (readonly [string, string])[]): void {
    const width = Math.max(...rows.map(([name]) => name.length));
    for (const [name, value] of rows) this.line(`  ${this.#style('dim', name.padEnd(width))}  ${value}`);
  }

  /** What would go wrong on AWS as well. The same is told once, however often it happens. */
  trouble(text: string): void {
    if (this.#troubles.has(text) || this.#troubles.size >= MOST_TROUBLES) return;
    this.#troubles.add(text);
    this.line(this.#style('red', text));
    if (this.#troubles.size === MOST_TROUBLES) this.line(this.#style('red', 'More of this is in the logs.'));
  }

  /** An event that has reached the bus. */
  event({ headline, title, story }: EventWords): void {
    if (this.#quiet) return;
    const time = this.#now().toTimeString().slice(0, 8);
    if (time !== this.#second) this.#endSecond(time);
    const told = (this.#told.get(headline) ?? 0) + 1;
    this.#told.set(headline, told);
    if (told > LINES_A_SECOND) return;
    const style = HEADLINE_STYLES[headline];
    const [head, name] = [headline.padEnd(21), clip(title, NAME_WIDTH).padEnd(NAME_WIDTH)];
    // One line an event; what does not fit is in the event itself.
    const room = (this.#out.columns ?? Infinity) - `${time}  ${head} ${name} `.length;
    const shown = this.#style('dim', clip(story, room));
    this.line(`${this.#style('dim', time)}  ${style ? this.#style(style, head) : head} ${name} ${shown}`);
  }

  /** Sums up what the last second held back. */
  #endSecond(next: string): void {
    for (const [headline, told] of this.#told) {
      const more = told - LINES_A_SECOND;
      if (more > 0) this.line(this.#style('dim', `${this.#second}  ${headline.padEnd(21)} and ${more} more`));
    }
    this.#told = new Map();
    this.#second = next;
  }

  #style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }
}

function clip(text: string, room: number): string {
  return text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text;
}
