import * as z from 'zod';
import { MARKETPLACES } from '../../lambdas/offer-status/offer-status.client.ts';
import { accountOfLicensor, offerStatusAccounts } from '../../lambdas/offer-status/offer-status-accounts.ts';
import type { Bucket } from '../../lambdas/shared/pacer/pacer.ts';
import type { OfferStatusSettings, RuntimeSettings } from '../../lambdas/shared/settings.ts';
import { parseTitleWatchId, titleWatchId } from '../../lambdas/shared/watches.ts';
import { quote } from './quote.ts';

/** Fields of one line by the name of their column; a column that the file does not have is absent. */
export type Fields = Readonly<Record<string, string | undefined>>;

export interface Column {
  readonly name: string;
  /** What it holds, for --help. */
  readonly help: string;
  /** What a file that leaves the column out, or leaves a field of it empty, means. @default - the column is required */
  readonly default?: string;
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
  /** The columns that decide on the bucket; `list` chooses by them. */
  readonly filters: readonly string[];
  /** The stack's output that holds the address of the queue of slices. */
  readonly queueOutput: string;
}

/** A kind of watches, and which bucket serves each of them. */
export interface WatchKind extends KindShape {
  /** Identifier of the watch that a line describes. */
  identify(fields: Fields): Checked<string>;
  /** The fields that describe a watch. @throws RangeError when the identifier is not of this kind */
  describe(watchId: string): Fields;
  /** The bucket that the settings give to a watch, of which no more than the columns in `filters` is needed. */
  bucketOf(fields: Fields): Checked<string>;
  /** Every bucket of this kind, and how many watches one request to its upstream can carry. */
  readonly buckets: readonly { readonly bucket: Bucket; readonly pack: number }[];
}

const TITLE: KindShape = {
  name: 'title',
  noun: 'title',
  columns: [
    { name: 'licensor', help: 'its licensor' },
    { name: 'marketplace', help: 'its marketplace', default: 'GLOBAL' },
    { name: 'alid', help: 'its ALID or SKU' },
  ],
  filters: ['licensor'],
  queueOutput: 'SlicesQueueUrl',
};

/** Every kind of watch that the command line knows: another one is one more entry here and in `watchKinds`. */
export const KIND_SHAPES: readonly KindShape[] = [TITLE];

/** The same kinds with the buckets of a stage. */
export function watchKinds(settings: RuntimeSettings): WatchKind[] {
  return [titleKind(settings.offerStatus)];
}

/** The watch identifier is the sort key of the index `lap`, which DynamoDB limits. */
const LONGEST_WATCH_ID_BYTES = 1024;

/**
 * A licensor or an ALID. The document ("Parameters") says only that they are strings; what is refused here cannot be
 * part of a path, or comes from a damaged file.
 */
const identifier = z.string().superRefine((value, context) => {
  const problem = identifierProblem(value);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

function identifierProblem(value: string): string | undefined {
  if (value === '') return 'is empty';
  const shown = quote(value);
  if (/[\r\n]/u.test(value)) return `is ${shown}; it holds a line break`;
  if (/\p{Cc}/u.test(value)) return `is ${shown}; it holds a control character`;
  if (value !== value.trim()) return `is ${shown}; it begins or ends with a space`;
  if (value === '.' || value === '..') return `is ${shown}, which cannot be part of a path`;
  if (value.includes('\uFFFD') || !value.isWellFormed())
    return `is ${shown}; it holds bytes that are not UTF-8: save the file as UTF-8`;
  return undefined;
}

const TitleFields = z.object({
  licensor: identifier,
  marketplace: z.enum(MARKETPLACES, {
    error: ({ input }) => `is ${quote(String(input))}; it must be one of ${MARKETPLACES.join(', ')}`,
  }),
  alid: identifier,
});

function titleKind(settings: OfferStatusSettings): WatchKind {
  const accounts = offerStatusAccounts(settings);
  const known = accounts.flatMap(({ licensors }) => licensors).join(', ');
  return {
    ...TITLE,
    identify(fields) {
      const parsed = TitleFields.safeParse(fields);
      if (!parsed.success) {
        return { problems: parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`) };
      }
      const value = titleWatchId(parsed.data);
      const bytes = Buffer.byteLength(value);
      if (bytes <= LONGEST_WATCH_ID_BYTES) return { value };
      return {
        problems: [
          `licensor and alid are too long together: ${bytes} bytes as a percent-encoded identifier, at most ${LONGEST_WATCH_ID_BYTES}`,
        ],
      };
    },
    describe: (watchId) => ({ ...parseTitleWatchId(watchId) }),
    bucketOf({ licensor = '' }) {
      const account = accountOfLicensor(accounts, licensor);
      if (account !== undefined) return { value: account.bucket.id };
      return {
        problems: [`licensor is ${quote(licensor)}, which no account of the settings names (known: ${known})`],
      };
    },
    buckets: accounts.map(({ bucket }) => ({ bucket, pack: 1 })),
  };
}
