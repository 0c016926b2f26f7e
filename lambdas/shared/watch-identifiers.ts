/**
 * What identifiers of watched things may look like. Faults are phrases whose subject is the identifier, so that each
 * place that takes one can say it in its own words.
 */

/** A watch's identifier is a key of the index `lap`, whose keys DynamoDB limits to so many bytes. */
export const LONGEST_WATCH_ID_BYTES = 1024;

/** Whether a watch of this identifier can be on the list. */
export function fitsIndex(watchId: string): boolean {
  return Buffer.byteLength(watchId) <= LONGEST_WATCH_ID_BYTES;
}

export const NOT_UTF_8 = 'holds bytes that are not UTF-8';

/**
 * Why a text can be no name that somebody else has given, such as an ALID or a SKU; undefined where it can. The documents
 * say only that these are strings; what is refused here comes from a damaged file or a slip of the hand.
 */
export function identifierFault(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (/[\r\n]/u.test(text)) return 'holds a line break';
  if (/\p{Cc}/u.test(text)) return 'holds a control character';
  if (text !== text.trim()) return 'begins or ends with a space';
  return text.includes('\uFFFD') || !text.isWellFormed() ? NOT_UTF_8 : undefined;
}

/** Why a text cannot stand in the path of a request; undefined where it can. */
export function pathFault(text: string): string | undefined {
  return text === '.' || text === '..' ? 'cannot be part of a path' : undefined;
}
