import type { IncomingHttpHeaders } from 'node:http';
import type { RedemptionTime } from './offer-code-ledger.ts';

export type Operation = 'verify' | 'redeem';

/** What a request line asks for. */
export interface Target {
  readonly operation: Operation;
  /** As they stand in the path. */
  readonly benefitSegment: string;
  readonly codeSegment: string;
  /** Percent-decoded once; undefined where that is impossible. */
  readonly benefit: string | undefined;
  readonly code: string | undefined;
}

/** What the headers add. */
export interface Particulars {
  /** An IANA zone. */
  readonly timeZone: string;
  readonly redemption: RedemptionTime | undefined;
}

const METHODS: Readonly<Record<Operation, string>> = { verify: 'GET', redeem: 'POST' };

/**
 * Reads `/v1/customer/benefit/{benefit-id}/offer-code/{offer-code}/verify` or `…/redeem`; undefined is no such route.
 *
 * The path is split before it is decoded, and each segment decoded once: a code's own `/` arrives as `%2F`, and one that
 * was encoded twice is another code. No URL parser is used, because it would resolve encoded dots; plain ones are no
 * segments, here as for any server.
 */
export function readTarget(method: string | undefined, requestTarget: string): Target | undefined {
  const [path = ''] = requestTarget.split('?', 1);
  const segments = path.split('/');
  const [before, version, customer, benefitWord, benefitSegment = '', codeWord, codeSegment = '', last] = segments;
  if (segments.length !== 8 || [before, version, customer, benefitWord, codeWord].join('/') !== PREFIX)
    return undefined;
  const operation = last === 'verify' || last === 'redeem' ? last : undefined;
  if (operation === undefined || method !== METHODS[operation]) return undefined;
  if ([benefitSegment, codeSegment].some((segment) => ['', '.', '..'].includes(segment))) return undefined;
  return { operation, benefitSegment, codeSegment, benefit: decode(benefitSegment), code: decode(codeSegment) };
}

const PREFIX = '/v1/customer/benefit/offer-code';

/** What the headers say, or what is wrong with them. */
export function readParticulars(operation: Operation, headers: IncomingHttpHeaders): Particulars | { problem: string } {
  const timeZone = single(headers, 'x-amz-time-zone') ?? 'UTC';
  if (!isTimeZone(timeZone)) return { problem: `"${timeZone}" in x-amz-time-zone is no time zone.` };
  const text = operation === 'redeem' ? single(headers, 'x-amz-offer-code-redemption-time') : undefined;
  if (text === undefined) return { timeZone, redemption: undefined };
  const at = instantOf(text);
  if (at === undefined) {
    return { problem: `"${text}" in x-amz-offer-code-redemption-time is no time in the form YYYYMMDD'T'HHMM'Z'.` };
  }
  return { timeZone, redemption: { text, at } };
}

/** A header's value. Several are joined, and will not be understood. */
export function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function isTimeZone(name: string): boolean {
  // Offsets such as +05:30 are time zones for Intl, and no names of zones.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function instantOf(text: string): number | undefined {
  const parsed = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})Z$/.exec(text);
  if (!parsed) return undefined;
  const [, year, month, day, hour, minute] = parsed;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
  // The thirtieth of February would otherwise be a day in March.
  return Number.isNaN(time.getTime()) || time.getUTCDate() !== Number(day) ? undefined : time.getTime();
}
