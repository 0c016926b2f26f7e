import * as z from 'zod/mini';
import {
  CredentialError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
  type UpstreamError,
} from '../shared/errors.ts';
import { AMAZON_ERROR_TYPES, AmazonRefusal, type AmazonErrorType, type RefusalType } from './amazon-refusal.ts';

/** One error of an answer. Nothing else of it is kept: its message may hold what a shopper sent. */
export interface GraphqlError {
  /** Undefined where it is none that the documents know. */
  readonly type: AmazonErrorType | undefined;
  /** Amazon's code, such as AddressMismatch; empty where there is none. */
  readonly code: string;
  /** Whether it is about a part of the result: then the operation itself has been done (GraphQL, section 7.1.2). */
  readonly isOfPart: boolean;
}

/** The codes that Amazon's pages have, and their types. The last two are assumed: no page says how these are refused. */
const KNOWN_CODES: ReadonlyMap<string, RefusalType> = new Map<string, RefusalType>([
  ['ExpiredIdpToken', 'ValidationError'],
  ['InvalidIdpToken', 'ValidationError'],
  ['InvalidAddress', 'ValidationError'],
  ['InvalidDestination', 'ValidationError'],
  ['AddressMismatch', 'ValidationError'],
  ['AliasValueAlreadyExists', 'ValidationError'],
  ['ItemDoesNotExist', 'ValidationError'],
  ['ResourceNotFoundException', 'ResourceNotFoundError'],
  ['OfferExpired', 'ValidationError'],
  ['TotalPriceMismatch', 'ValidationError'],
]);

/** What may be told: a word, and none that could be anything of a shopper. */
const word = z.catch(z.optional(z.string().check(z.regex(/^[A-Za-z]{1,60}$/u))), undefined);
const said = {
  errorType: word,
  errorCode: word,
  type: word,
  code: word,
  message: z.catch(z.optional(z.string()), undefined),
} as const;
const optionally = <Schema extends z.ZodMiniType>(schema: Schema) => z.catch(z.optional(schema), undefined);
/** Amazon's pages show `extensions.classification: {type, code, errorType, …}`, where numbers say nothing. */
const Said = z.object({
  ...said,
  path: optionally(z.array(z.unknown())),
  extensions: optionally(z.object({ ...said, classification: optionally(z.object(said)) })),
});

/** More errors than any answer has a use for. */
const MOST_ERRORS = 1_000;

/**
 * The errors of an answer: `errors` of its body, or the body itself where that is one. Type and code are taken from
 * errorType, errorCode, extensions and its classification; where these are missing, from the words of the message, if they name one type only.
 * What cannot be read is an error without a type.
 */
export function readGraphqlErrors(body: { readonly data?: unknown; readonly errors?: unknown }): GraphqlError[] {
  const { data, errors } = body;
  if (errors == null) {
    const own = data == null ? readError(body) : undefined;
    return own?.type === undefined ? [] : [own];
  }
  return (Array.isArray(errors) ? (errors as unknown[]) : [errors]).slice(0, MOST_ERRORS).map(readError);
}

/**
 * What the errors of an answer mean together. Only where each of them says for certain that nothing has been done does the
 * result say so; see `hadNoEffect`.
 *
 * @param errors at least one
 * @param host of the upstream, for the message
 */
export function errorOfGraphql(errors: readonly GraphqlError[], host: string, status = 200): UpstreamError {
  const words = new Set(errors.map(({ type = 'an unknown error', code }) => `${type} ${code}`.trim()));
  const message = `${host} answered ${status}: ${[...words].slice(0, 5).join(', ')}`;
  const types = new Set(errors.map(({ type }) => type));
  if (types.has('InternalServerError')) return new UnavailableError('ServerError', message, { status });
  if (types.has(undefined)) return new UnreadableAnswerError(message, { status, raw: '', shape: 'unknown-error' });
  if (types.has('AccessDeniedError')) return new CredentialError('AccessDenied', message, { status });
  if (types.has('ThrottlingError')) return new ThrottledError(message, { status });
  const { type, code } = mostTelling(errors);
  return new AmazonRefusal(type as RefusalType, code, message);
}

/** Of several refusals, that of a second order comes first; then one that has a code. */
function mostTelling(errors: readonly GraphqlError[]): GraphqlError {
  const rank = ({ type, code }: GraphqlError): number =>
    type === 'ConflictError' || code === 'AliasValueAlreadyExists' ? 0 : code === '' ? 2 : 1;
  return errors.reduce((best, error) => (rank(error) < rank(best) ? error : best));
}

function readError(error: unknown): GraphqlError {
  const {
    path = [],
    extensions: { classification = {}, ...extensions } = {},
    ...own
  } = Said.safeParse(error).data ?? {};
  const places = [classification, own, extensions];
  const named = places.flatMap(({ errorType, errorCode, type, code }) => [errorType, errorCode, type, code]);
  const words = named.filter((one) => one !== undefined);
  // Where a type is named that nobody knows, the message does not make it a known one.
  const isNamed = places.some(({ errorType, type }) => errorType !== undefined || type !== undefined);
  const spoken = places.flatMap(({ message = '' }) => message.match(/[A-Za-z]+/gu) ?? []);
  return {
    type: oneType(words) ?? (isNamed ? undefined : oneType(spoken)),
    code: codeAmong(words) ?? spoken.find((one) => KNOWN_CODES.has(one)) ?? '',
    isOfPart: path.length > 1,
  };
}

/** The type that words name, by its name or by a known code; none where they name several. */
function oneType(words: readonly string[]): AmazonErrorType | undefined {
  const named = new Set(words.map(typeOf).filter((type) => type !== undefined));
  const [first] = named.size > 0 ? named : new Set(words.map((one) => KNOWN_CODES.get(one)).filter(Boolean));
  return named.size > 1 ? undefined : first;
}

function typeOf(name: string): AmazonErrorType | undefined {
  // Its own code aside, an exception is the error of the same name.
  return AMAZON_ERROR_TYPES.find((type) => type === name || type.replace(/Error$/u, 'Exception') === name);
}

function codeAmong(words: readonly string[]): string | undefined {
  return words.find((one) => KNOWN_CODES.has(one)) ?? words.find((one) => typeOf(one) === undefined);
}
