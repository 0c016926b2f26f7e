import type * as z from 'zod/mini';
import { oneLine, parseJson, shapeOf } from '../shared/answer-text.ts';
import { boundedDrift } from '../shared/drift.ts';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
  type UpstreamError,
} from '../shared/errors.ts';
import { boundedRaw } from '../shared/http.ts';
import type { ItemType } from '../shared/watches.ts';
import {
  BatchOffersResponse,
  GetOffersBatchResponse,
  GetOffersResponse,
  GetPricingResponse,
  OffersItem,
  OffersSubject,
  PriceItem,
  PriceSubject,
  type ErrorType,
  type OffersRequestParams,
} from './pricing-answers.ts';
import { offersDrift, priceDrift } from './pricing-drift.ts';
import { sameItem, type OffersRequested } from './pricing-requests.ts';

/** One item of an answer, or why there is none. */
export type ItemAnswer<Item> =
  | { readonly kind: 'item'; readonly item: Item; /** See `pricing-drift.ts`. */ readonly drift: string[] }
  | {
      readonly kind: 'failed';
      /**
       * ThrottledError (429), UnavailableError (5xx, `MissingItem`), RejectedError (other 4xx, `code` being Amazon's),
       * CredentialError (401, 403) or UnreadableAnswerError, of which `raw` is this item only.
       */
      readonly error: UpstreamError;
    };

/** What an answer holds, and its surprises beside the items. */
export interface ReadAnswer<Body> {
  readonly body: Body;
  readonly drift: string[];
}

/** An answer as it came, credentials taken out. */
export interface PricingAnswer {
  readonly status: number;
  readonly text: string;
  readonly truncated: boolean;
  /** Where it came from, for messages: host and path. */
  readonly host: string;
  readonly path: string;
  readonly requestId: string | undefined;
}

/** An access token that is expired or invalid: the one refusal that another token mends. */
export class TokenRefusedError extends CredentialError {}

/**
 * The answers to getPricing and getCompetitivePricing, by item as it was asked for.
 *
 * @throws of the upstream errors what fits, when the answer as a whole is none
 */
export function readPrices(
  answer: PricingAnswer,
  itemType: ItemType,
  items: readonly string[],
): ReadAnswer<ReadonlyMap<string, ItemAnswer<PriceItem>>> {
  const { content, errors } = open(answer, GetPricingResponse, 'payload', ({ payload }) => payload);
  const asked = new Map(items.map((item) => [sameItem(itemType, item), item]));
  const drift = errorDrift(errors);
  const answers = new Map<string, ItemAnswer<PriceItem>>();
  for (const entry of content) {
    const named = subjectOfPrice(entry, itemType);
    const item = named === undefined ? undefined : asked.get(sameItem(itemType, named));
    if (item === undefined) drift.push('payload[]: not asked for');
    else if (answers.has(item)) drift.push('payload[]: repeated');
    else answers.set(item, readItem(answer, entry, PriceItem, priceDrift));
  }
  const body = new Map(items.map((item) => [item, answers.get(item) ?? missing(answer, itemType, item, errors)]));
  return { body, drift: boundedDrift(drift) };
}

/** The answer to getItemOffers and getListingOffers. Throws as `readPrices` does. */
export function readOffers(answer: PricingAnswer): ReadAnswer<ItemAnswer<OffersItem>> {
  const { content, errors } = open(answer, GetOffersResponse, 'payload', ({ payload }) => payload);
  return { body: readItem(answer, content, OffersItem, offersDrift), drift: boundedDrift(errorDrift(errors)) };
}

/**
 * The answers to getItemOffersBatch and getListingOffersBatch in the order of the requests, each found by the request
 * that it repeats, or else by what its payload is about. Throws as `readPrices` does.
 */
export function readOffersBatch(
  answer: PricingAnswer,
  requested: readonly OffersRequested[],
): ReadAnswer<readonly ItemAnswer<OffersItem>[]> {
  const { content, errors } = open(answer, GetOffersBatchResponse, 'responses', ({ responses }) => responses);
  const drift = errorDrift(errors);
  const answers = new Map<OffersRequested, ItemAnswer<OffersItem>>();
  for (const entry of content) {
    const response = BatchOffersResponse.safeParse(entry).data ?? {};
    const request = requestOf(response, requested);
    if (request === undefined) drift.push('responses[]: not asked for');
    else if (answers.has(request)) drift.push('responses[]: repeated');
    else answers.set(request, readBatched(answer, entry, response, request));
  }
  const body = requested.map(
    (request) => answers.get(request) ?? missing(answer, request.itemType, request.item, errors),
  );
  return { body, drift: boundedDrift(drift) };
}

interface Envelope {
  readonly errors?: readonly ErrorType[] | undefined;
}

/** The content of a success, and the errors beside it. */
function open<Parsed extends Envelope, Content>(
  answer: PricingAnswer,
  schema: z.ZodMiniType<Parsed>,
  field: string,
  contentOf: (parsed: Parsed) => Content,
): { readonly content: NonNullable<Content>; readonly errors: readonly ErrorType[] } {
  const { status, text, truncated } = answer;
  const json = truncated ? undefined : parseJson(text);
  if (status < 200 || status > 299) {
    const errors = GetOffersResponse.safeParse(json).data?.errors ?? [];
    throw failure(answer, status, errors, said(errors) || text);
  }
  if (json === undefined) throw unreadable(answer, text, truncated ? 'too-large' : 'not-json');
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw unreadable(answer, text, shapeOf(parsed.error));
  const { errors = [] } = parsed.data;
  const content = contentOf(parsed.data);
  if (content !== undefined && content !== null) return { content, errors };
  throw errors.length > 0
    ? failure(answer, undefined, errors, said(errors))
    : unreadable(answer, text, `${field}:missing`);
}

function readItem<Item>(
  answer: Pick<PricingAnswer, 'host' | 'status'>,
  entry: unknown,
  schema: z.ZodMiniType<Item>,
  driftOf: (item: Item) => string[],
): ItemAnswer<Item> {
  const parsed = schema.safeParse(entry);
  if (parsed.success) return { kind: 'item', item: parsed.data, drift: driftOf(parsed.data) };
  return { kind: 'failed', error: unreadable(answer, JSON.stringify(entry), shapeOf(parsed.error)) };
}

function readBatched(
  { host }: PricingAnswer,
  entry: unknown,
  { status, body, headers = {} }: BatchOffersResponse,
  { itemType, item }: OffersRequested,
): ItemAnswer<OffersItem> {
  const { payload, errors = [] } = body ?? {};
  const code = status?.statusCode;
  const path = `${itemType} ${JSON.stringify(item)} in a batch`;
  const isSuccess = code === undefined || (code >= 200 && code <= 299);
  if (isSuccess && payload !== undefined)
    return readItem({ host, status: code ?? 200 }, payload, OffersItem, offersDrift);
  if (isSuccess && errors.length === 0) {
    return { kind: 'failed', error: unreadable({ host, status: 200 }, JSON.stringify(entry), 'body.payload:missing') };
  }
  const [, requestId] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'x-amzn-requestid') ?? [];
  const where = { host, path, requestId: typeof requestId === 'string' ? requestId : undefined };
  return {
    kind: 'failed',
    error: failure(where, isSuccess ? undefined : code, errors, said(errors) || (status?.reasonPhrase ?? '')),
  };
}

function missing(
  { host, status }: PricingAnswer,
  itemType: ItemType,
  item: string,
  errors: readonly ErrorType[],
): ItemAnswer<never> {
  const why = oneLine(said(errors));
  const message = `${host} answered ${status} without ${itemType} ${JSON.stringify(item)}${why && `: ${why}`}`;
  return { kind: 'failed', error: new UnavailableError('MissingItem', message, { status }) };
}

function subjectOfPrice(entry: unknown, itemType: ItemType): string | undefined {
  const { ASIN, SellerSKU, Product } = PriceSubject.safeParse(entry).data ?? {};
  const { MarketplaceASIN, SKUIdentifier } = Product?.Identifiers ?? {};
  const names = itemType === 'asin' ? [ASIN, MarketplaceASIN?.ASIN] : [SellerSKU, SKUIdentifier?.SellerSKU];
  // Amazon's own examples leave identifiers empty that do not apply.
  return names.find((name) => name !== undefined && name !== '');
}

/** The request that a response of a batch belongs to; none where several fit, or none does. */
function requestOf(response: BatchOffersResponse, requested: readonly OffersRequested[]): OffersRequested | undefined {
  const about = aboutOf(response);
  const agrees = (told: string | undefined, asked: string): boolean =>
    told === undefined || told.toLowerCase() === asked.toLowerCase();
  const fitting = requested.filter(({ itemType, item, marketplaceId, condition, customerType }) => {
    const named = itemType === 'asin' ? about.Asin : about.SellerSKU;
    return (
      named !== undefined &&
      sameItem(itemType, named) === sameItem(itemType, item) &&
      agrees(about.MarketplaceId, marketplaceId) &&
      agrees(about.ItemCondition, condition) &&
      agrees(about.CustomerType, customerType)
    );
  });
  const [only, ...others] = fitting.length > 1 ? fitting.filter(isForDefaultCustomers) : fitting;
  return others.length > 0 ? undefined : only;
}

/** Amazon repeats no customer type where a request has left it to the default. */
const isForDefaultCustomers = ({ customerType }: OffersRequested): boolean => customerType === 'Consumer';

function aboutOf({ request, body }: BatchOffersResponse): OffersRequestParams {
  const { MarketplaceID, ASIN, SKU, ItemCondition, Identifier } = OffersSubject.safeParse(body?.payload).data ?? {};
  return {
    MarketplaceId: request?.MarketplaceId ?? MarketplaceID ?? Identifier?.MarketplaceId,
    ItemCondition: request?.ItemCondition ?? ItemCondition ?? Identifier?.ItemCondition,
    CustomerType: request?.CustomerType,
    Asin: request?.Asin ?? ASIN ?? Identifier?.ASIN,
    SellerSKU: request?.SellerSKU ?? SKU ?? Identifier?.SellerSKU,
  };
}

/** Status codes of the errors that Amazon documents, for answers that give none. */
const STATUS_OF_CODES = new Map([
  ['InvalidInput', 400],
  ['Unauthorized', 403],
  ['NotFound', 404],
  ['QuotaExceeded', 429],
]);

/** @param status undefined where only the errors tell what went wrong */
function failure(
  { host, path, requestId }: Pick<PricingAnswer, 'host' | 'path' | 'requestId'>,
  status: number | undefined,
  errors: readonly ErrorType[],
  words: string,
): UpstreamError {
  const code = errors[0]?.code ?? '';
  const line = oneLine(words);
  const message = `${host} answered ${status ?? 'errors'} to ${path}${line && `: ${line}`}${requestId ? ` (request ${requestId})` : ''}`;
  const effective = status ?? STATUS_OF_CODES.get(code);
  if (effective === undefined) return new UnavailableError('UpstreamErrors', message);
  const details = { status: effective };
  if (effective === 401 || effective === 403) {
    // Amazon says "Unauthorized" to everything, and in the details what it means.
    const isAboutToken = /token/iu.test(line) && /expired|revoked|malformed|invalid/iu.test(line);
    if (isAboutToken) return new TokenRefusedError('TokenRefused', message, details);
    const remedy = 'see whether the application has the Pricing role and the account authorizes it';
    return new CredentialError('CredentialsRefused', `${message}; ${remedy}`, details);
  }
  if (effective === 429) return new ThrottledError(message, details);
  if (effective === 408 || effective >= 500) return new UnavailableError('ServerError', message, details);
  if (effective < 400) return new UnavailableError('Redirected', `${message} (redirects are not followed)`, details);
  const isCode = /^[A-Za-z][\w.-]{0,63}$/u.test(code);
  return new RejectedError(isCode ? code : effective === 404 ? 'NotFound' : 'Rejected', message, details);
}

function unreadable({ host, status }: Pick<PricingAnswer, 'host' | 'status'>, text: string, shape: string) {
  const message = `${host} answered ${status} with what cannot be read: ${shape}`;
  return new UnreadableAnswerError(message, { status, raw: boundedRaw(text), shape });
}

function said(errors: readonly ErrorType[]): string {
  return errors
    .map(({ code, message, details }) => [code, message, details].filter(Boolean).join(': '))
    .filter(Boolean)
    .join('; ');
}

const errorDrift = (errors: readonly ErrorType[]): string[] =>
  errors.map(({ code }) => `errors[].code: ${JSON.stringify(code ?? '')}`);
