import { closeSync, existsSync, openSync, statSync, writeSync } from 'node:fs';
import { csvLine } from './csv.ts';
import { UsageError } from './errors.ts';
import type { Screen } from './screen.ts';
import { count } from './screen.ts';
import { REJECT_COLUMNS, type BadLine } from './watch-file.ts';

const SHOWN = 20;

/** Tells of lines that are not taken: the first on the screen, all in a file that can be mended and imported again. */
export class Rejects {
  readonly #screen: Screen;
  readonly #file: string | undefined;
  #descriptor: number | undefined;
  #columns: readonly string[] = [];
  #total = 0;

  /**
   * @param goOn adds to the file of an earlier run instead of refusing it
   * @throws UsageError when the file is there already: it may hold lines that somebody has mended
   */
  constructor(screen: Screen, file: string | undefined, goOn: boolean) {
    this.#screen = screen;
    this.#file = file;
    if (file !== undefined && existsSync(file) && !goOn) {
      throw new UsageError(
        `${file} exists already and may hold lines to be mended. Name another --rejects file, or delete it.`,
      );
    }
  }

  get total(): number {
    return this.#total;
  }

  /** Says which columns the lines have. */
  begin(columns: readonly string[]): void {
    this.#columns = columns;
  }

  add({ line, reason, original }: BadLine): void {
    this.#total += 1;
    if (this.#total <= SHOWN) this.#screen.line(`line ${line}: ${reason}`, 'yellow');
    if (this.#file === undefined) return;
    if (this.#descriptor === undefined) {
      this.#descriptor = openSync(this.#file, 'a');
      if (statSync(this.#file).size === 0) this.#write([...REJECT_COLUMNS, ...this.#columns]);
    }
    this.#write([String(line), reason, ...original, ...this.#columns.slice(original.length).map(() => '')]);
  }

  /** Says how many there were. */
  end(): void {
    const unseen = this.#total - SHOWN;
    const where = this.#file === undefined ? 'add --rejects FILE to get all of them' : `all are in ${this.#file}`;
    if (unseen > 0) this.#screen.line(`… and ${count(unseen)} more lines that were not taken: ${where}`, 'yellow');
    else if (this.#total > 0 && this.#file !== undefined) {
      this.#screen.line(`The lines that were not taken are in ${this.#file}: mend them there and import it.`, 'yellow');
    }
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #write(fields: readonly string[]): void {
    writeSync(this.#descriptor!, `${csvLine(fields)}\n`);
  }
}
