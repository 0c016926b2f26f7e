import { createRandom } from '../seeded-random.ts';
import type { TitleId } from './title-state.ts';

/** How one title's answers are spelt, wherever the API's document and practice leave a choice. */
export interface Dialect {
  progressCodeKey: 'ProgressCode' | 'Progress Code';
  /** `value-lists` is `[{value: ["HD", "UHD"]}]`; `plain` and `object` drop the array around a single profile. */
  formatProfile: 'value-lists' | 'value-list' | 'objects' | 'object' | 'strings' | 'plain';
  territory: 'codes' | 'countries';
  transactionIdKey: 'TransactionID' | '_TransactionID';
  errors: 'string' | 'list';
  /** Where a window's `End`, progress code and `_timestamp` are found. */
  windowFields: 'both' | 'transaction' | 'feature-status';
  organizationId: boolean;
  /** What stands for a window side without a date; undefined leaves the field out. */
  openStart: string | undefined;
  openEnd: string | undefined;
}

/** The spelling of the API's document. */
export const DOCUMENT_DIALECT: Dialect = {
  progressCodeKey: 'ProgressCode',
  formatProfile: 'value-lists',
  territory: 'codes',
  transactionIdKey: 'TransactionID',
  errors: 'string',
  windowFields: 'both',
  organizationId: true,
  openStart: undefined,
  openEnd: undefined,
};

/** A title's own mixture of spellings; always the same for the same seed and title. */
export function mixedDialect(seed: number, { licensor, alid }: TitleId): Dialect {
  const random = createRandom(seed, licensor, alid, 'dialect');
  return {
    progressCodeKey: random.pick(['ProgressCode', 'Progress Code']),
    formatProfile: random.pick(['value-lists', 'value-list', 'objects', 'object', 'strings', 'plain']),
    territory: random.pick(['codes', 'countries']),
    transactionIdKey: random.pick(['TransactionID', '_TransactionID']),
    errors: random.pick(['string', 'list']),
    windowFields: random.pick(['both', 'transaction', 'feature-status']),
    organizationId: random.chance(0.7),
    openStart: random.pick([undefined, 'Immediate', 'Open']),
    openEnd: random.pick([undefined, 'Open', 'TBD']),
  };
}

export type DialectChoice = 'document' | 'mixed';
