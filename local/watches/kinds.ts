import type { PackedBucket } from '../../lambdas/shared/laps/packing.ts';
import type { RuntimeSettings } from '../../lambdas/shared/settings.ts';
import { PRICE, priceKind } from './price-kind.ts';
import { TITLE, titleKind } from './title-kind.ts';

/** Fields of one line by the name of their column; a column that the file does not have is absent. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** What a watch's row keeps of how its changes are told; empty where nothing is set. */
export type Tuning = Readonly<Record<string, unknown>>;

export interface Column {
  readonly name: string;
  /** What it holds, for --help. */
  readonly help: string;
  /** What a file that leaves the column out, or leaves a field of it empty, means. @default - the column is required */
  readonly default?: string;
  /**
   * Whether it belongs to the watch's tuning, and not to what is watched. A file without such a column leaves that part
   * of the tuning as it is; an empty field takes it away.
   *
   * @default false
   */
  readonly tunes?: boolean;
  /** The one spelling of a value that has several, as `describe` gives it. @default - each value has one spelling */
  canonical?(value: string): string;
}

/** A value, or what is wrong with the fields that should give it. */
export type Checked<T> = { readonly value: T } | { readonly problems: readonly string[] };

/** What one kind of watches looks like on the command line and in a file. */
export interface KindShape {
  /** First part of the identifiers. */
  readonly name: string;
  /** What one of them is called in a sentence; the plural has an s. */
  readonly noun: string;
  /** In the order in which `list` prints them. No field holds a line break. */
  readonly columns: readonly Column[];
  /** The columns that `list` chooses by. */
  readonly filters: readonly string[];
  /** The stack's output that holds the address of the queue of slices. */
  readonly queueOutput: string;
}

/** A kind of watches, and which bucket serves each of them. */
export interface WatchKind extends KindShape {
  /** Identifier of the watch that a line describes. */
  identify(fields: Fields): Checked<string>;
  /**
   * The tuning of a watch whose line has these fields.
   *
   * @param before the tuning until now, which holds where the file has no column
   */
  tuningOf(fields: Fields, before: Tuning): Checked<Tuning>;
  /** The fields that describe a watch. @throws RangeError when the identifier is not of this kind */
  describe(watchId: string, tuning?: Tuning): Fields;
  /** The bucket that the settings give to a watch, or why none; the columns in `filters` are enough for that. */
  bucketOf(fields: Fields): Checked<string>;
  /** Every bucket of this kind. */
  readonly buckets: readonly PackedBucket[];
}

/** Every kind of watch that the command line knows: another one is one more entry here and in `watchKinds`. */
export const KIND_SHAPES: readonly KindShape[] = [TITLE, PRICE];

/** The same kinds with the buckets of a stage. */
export function watchKinds(settings: RuntimeSettings): WatchKind[] {
  return [titleKind(settings.offerStatus), priceKind(settings.pricing)];
}

/** Whether a file needs the column, and one watch its option. */
export function isRequired(column: Column): boolean {
  return column.default === undefined && column.tunes !== true;
}

/** What leaving a column out means, to stand behind its name; empty for a required one. */
export function optionalNote(column: Column): string {
  if (isRequired(column)) return '';
  return column.default === undefined || column.default === '' ? 'optional' : `default ${column.default}`;
}
