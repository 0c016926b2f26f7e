/** Identifiers of watches. Parts are percent-encoded so that `|` separates and key order is packing order. */

/** One title to poll at the Offer Status API. */
export interface TitleWatch {
  readonly licensor: string;
  readonly marketplace: string;
  readonly alid: string;
}

const encode = (part: string): string => encodeURIComponent(part).replaceAll('|', '%7C');

/** `title|licensor|marketplace|alid` */
export function titleWatchId(watch: TitleWatch): string {
  return ['title', watch.licensor, watch.marketplace, watch.alid].map(encode).join('|');
}

/** @throws RangeError when the identifier is not that of a title watch. */
export function parseTitleWatchId(watchId: string): TitleWatch {
  const [kind, licensor, marketplace, alid, ...rest] = watchId.split('|').map(decode);
  if (kind !== 'title' || !licensor || !marketplace || !alid || rest.length > 0) {
    throw new RangeError(`not the identifier of a title watch: ${watchId}`);
  }
  return { licensor, marketplace, alid };
}

/** A malformed part decodes to nothing, which no identifier has. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
