import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, unlinkSync, writeFileSync } from 'node:fs';
import { csvLine } from './csv.ts';
import { UsageError } from '../command-line.ts';
import { InputError } from './errors.ts';
import { count, type Screen } from './screen.ts';
import { fileProblem } from './source.ts';
import { REJECT_COLUMNS, type BadLine } from './csv-file.ts';

const SHOWN = 20;

export interface RejectsOptions {
  readonly file: string | undefined;
  /** Adds to the file of an earlier run instead of refusing it. */
  readonly goOn: boolean;
  /** Named in the advice on what to do with the file. */
  readonly command: string;
}

/** Tells of lines that are not taken: the first on the screen, all in a file that can be mended and given again. */
export class Rejects {
  readonly #screen: Screen;
  readonly #options: RejectsOptions;
  #descriptor: number | undefined;
  /** What the file begins with, while it is empty. */
  #header: string | undefined;
  #columns: readonly string[] = [];
  #isNew = false;
  #total = 0;

  constructor(screen: Screen, options: RejectsOptions) {
    this.#screen = screen;
    this.#options = options;
  }

  get total(): number {
    return this.#total;
  }

  /**
   * Opens the file, if there is one, for lines with these columns.
   *
   * @throws UsageError when the file holds what must be kept: lines that somebody may have mended, or something else
   * @throws InputError when it cannot be written
   */
  begin(columns: readonly string[]): void {
    this.#columns = columns;
    const { file } = this.#options;
    if (file === undefined) return;
    const header = csvLine([...REJECT_COLUMNS, ...columns]);
    try {
      this.#descriptor = openSync(file, 'wx');
      this.#isNew = true;
      this.#header = header;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(file, error);
      this.#header = this.#append(file, header);
    }
  }

  /** @throws InputError when it cannot be written */
  add({ line, reason, original }: BadLine): void {
    if (this.#descriptor !== undefined) {
      const padding = this.#columns.slice(original.length).map(() => '');
      const text = csvLine([String(line), reason, ...original, ...padding]);
      try {
        writeFileSync(this.#descriptor, `${this.#header === undefined ? '' : `${this.#header}\n`}${text}\n`);
      } catch (error) {
        throw cannotWrite(this.#options.file, error);
      }
      this.#header = undefined;
    }
    this.#total += 1;
    if (this.#total <= SHOWN) this.#screen.line(`line ${line}: ${reason}`, 'yellow');
  }

  /** Says how many there were, and leaves no empty file behind. */
  end(): void {
    const { file, command } = this.#options;
    const unseen = this.#total - SHOWN;
    const where = file === undefined ? 'add --rejects FILE to get all of them' : `all are in ${file}`;
    if (unseen > 0) this.#screen.line(`… and ${count(unseen)} more lines that were not taken: ${where}`, 'yellow');
    if (this.#total > 0 && file !== undefined) {
      this.#screen.line(
        `The lines that were not taken are in ${file}: mend them there and give that file to ${command}.`,
        'yellow',
      );
    }
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (file !== undefined && this.#isNew && this.#header !== undefined) unlinkSync(file);
    this.#isNew = false;
  }

  /** Opens a file that is there. Returns the header that it still needs. */
  #append(file: string, header: string): string | undefined {
    const { goOn } = this.#options;
    const line = Buffer.from(`${header}\n`);
    const begin = Buffer.alloc(line.length);
    let isEmpty;
    try {
      this.#descriptor = openSync(file, constants.O_RDWR | constants.O_APPEND);
      const stats = fstatSync(this.#descriptor);
      isEmpty = !stats.isFile() || stats.size === 0;
      if (!isEmpty) readSync(this.#descriptor, begin, 0, begin.length, 0);
    } catch (error) {
      throw cannotWrite(file, error);
    }
    if (isEmpty) return header;
    if (!goOn) {
      throw new UsageError(
        `${file} exists already and may hold lines to be mended. Name another --rejects file, or delete it.`,
      );
    }
    if (begin.equals(line)) return undefined;
    throw new UsageError(
      `${file} is no rejects file of this file, and nothing is added to it. Name another --rejects.`,
    );
  }
}

function cannotWrite(file: string | undefined, error: unknown): Error {
  return new InputError(`The rejects file ${file ?? ''} cannot be written: ${fileProblem(error)}.`, { cause: error });
}

/**
 * A file that is read must not be written at the same time.
 *
 * @throws UsageError when the rejects file is the file
 */
export function refuseSameFile(file: string | undefined, rejects: string | undefined): void {
  const real = (path: string | undefined): string | undefined => {
    try {
      return path === undefined ? undefined : realpathSync(path);
    } catch {
      return undefined;
    }
  };
  const target = real(rejects);
  if (target !== undefined && target === real(file)) {
    throw new UsageError('--rejects names the file that is read: name another one.');
  }
}
