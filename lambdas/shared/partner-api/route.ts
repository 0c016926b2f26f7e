import * as z from 'zod/mini';
import type { PartnerCapability } from '../settings.ts';
import type { ApiErrorCode } from './api-error.ts';

type Fields = z.core.$ZodShape;

/**
 * One route of the partner API: everything that the gateway, the handler and the OpenAPI document know of it. The schemas
 * are what the handler parses by, and the document is generated from them.
 */
export interface Route<
  Path extends Fields = Fields,
  Query extends Fields = Fields,
  Body extends z.core.$ZodType = z.core.$ZodType,
> {
  /** Unique, camelCase, a verb first. */
  readonly operationId: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As in API Gateway: `/v1/titles/{licensor}/{alid}/status`. */
  readonly path: string;
  /** `push`: signed by a key of a partner, not by its role, and without an API key. */
  readonly capability: PartnerCapability | 'service' | 'push';
  /** One line. */
  readonly summary: string;
  readonly description?: string;
  /** By name; each parses the decoded text. */
  readonly pathParameters: Path;
  /** By name; each parses the decoded text, or undefined where the parameter is missing. */
  readonly query: Query;
  /** Whether an Idempotency-Key is required. */
  readonly idempotent?: boolean;
  /** Whether a player's access token is required, in the header `x-amz-access-token`. */
  readonly playerToken?: boolean;
  /** Whether a shopper's access token is taken, in the same header. */
  readonly shopperToken?: boolean;
  /** Whether its answers have an ETag, and a request may say If-None-Match. Only for GET. */
  readonly hasETag?: boolean;
  /** Shape of the JSON body; an absent body is parsed as undefined. */
  readonly body?: Body;
  /** What its successes mean, by HTTP status. Their bodies are in `*-answers.ts`, which no function loads. */
  readonly answers: Readonly<Record<number, string>>;
  /** Errors that the route's own work makes. Those that any route may have are added to the document. */
  readonly errors: readonly ApiErrorCode[];
}

/** Keeps the exact types of a route's schemas. */
export function defineRoute<const Path extends Fields, const Query extends Fields, Body extends z.core.$ZodType>(
  route: Route<Path, Query, Body>,
): Route<Path, Query, Body> {
  return route;
}

const hasNoDots = z.refine<string>((text) => text !== '.' && text !== '..', {
  error: 'must not be "." or "..", which a path cannot carry',
});
const isWellFormed = z.refine<string>((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), {
  error: 'must be well-formed Unicode without control characters',
});
// The same rules as the document tells them; JSON cannot be ill-formed Unicode.
const saysHasNoDots = z.meta({ pattern: String.raw`^(?!\.{1,2}$)[^\u0000-\u001f\u007f-\u009f]*$` });
const saysNoControls = z.meta({ pattern: String.raw`^[^\u0000-\u001f\u007f-\u009f]*$` });

/**
 * A text that stands in a path, such as an ALID or an offer code.
 *
 * @param longest characters (UTF-16 units) that it may have
 */
export const pathText = (longest: number) =>
  z
    .string()
    .check(
      z.minLength(1, { error: 'must not be empty' }),
      z.maxLength(longest, { error: `must have at most ${longest} characters` }),
      isWellFormed,
      hasNoDots,
      saysHasNoDots,
    );

/** A text in a query. */
export const queryText = (longest: number) =>
  z
    .string()
    .check(
      z.minLength(1, { error: 'must not be empty' }),
      z.maxLength(longest, { error: `must have at most ${longest} characters` }),
      isWellFormed,
      saysNoControls,
    );

/** One of several words, in exactly this spelling. */
export const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` });

/** A whole number in a query, which arrives as text. */
export const numberText = (low: number, high: number) => {
  const error = `must be a whole number from ${low} to ${high}`;
  return z.pipe(
    z.string().check(z.regex(/^\d{1,9}$/u, { error }), z.meta({ type: 'integer', minimum: low, maximum: high })),
    z.pipe(
      z.transform((text: string) => Number(text)),
      z.int().check(z.gte(low, { error }), z.lte(high, { error })),
    ),
  );
};

/** An instant in a query, with its offset from UTC, as epoch milliseconds. */
export const instantText = z.pipe(
  z.iso.datetime({ offset: true, error: 'must be an instant such as 2026-03-01T00:00:00Z' }),
  z.transform((text: string) => Date.parse(text)),
);

const cursor = z
  .optional(
    z
      .string()
      .check(
        z.regex(/^[A-Za-z0-9_-]{1,2000}$/u, { error: 'must be `next` of the page before, as it was', abort: true }),
      ),
  )
  .check(z.describe('`next` of the page before.'));

/** What pages of a history may be asked for by. */
export const historyQuery = {
  from: z.optional(instantText).check(z.describe('Versions recorded at this instant or later.')),
  to: z.optional(instantText).check(z.describe('Versions recorded before this instant.')),
  limit: z._default(numberText(1, 100), 20).check(z.describe('Most versions of one page.')),
  cursor,
} as const;

/** What pages of the watch list may be asked for by. */
export const listQuery = {
  limit: z._default(numberText(1, 1000), 100).check(z.describe('Most items of one page.')),
  cursor,
} as const;
