import type { Clock } from '../shared/clock.ts';
import { canonicalJson } from '../shared/idempotency/run-once.ts';
import type { BuyWithPrimeCall, BuyWithPrimeClient } from './buy-with-prime-port.ts';
import type { QuoteRequest } from './buy-with-prime-requests.ts';
import type { Quote } from './quote.ts';

export interface QuoteParts {
  readonly client: Pick<BuyWithPrimeClient, 'offers'>;
  readonly cache: QuoteCache;
}

export interface GivenQuote {
  readonly quote: Quote;
  /** Whole seconds since Amazon was asked. */
  readonly ageSeconds: number;
  readonly cached: boolean;
}

/** Quotes that are kept of one execution environment: a shop's pages that many look at. */
const MOST_KEPT = 500;

/**
 * Quotes that anybody may be given, for a short time: they name no place and no shopper. Least recently asked for goes first.
 */
export class QuoteCache {
  readonly #kept = new Map<string, { readonly quote: Quote; readonly at: number; readonly until: number }>();
  readonly #keptMs: number;
  readonly #clock: Clock;

  /** @param keptSeconds for how long at most; 0 keeps nothing */
  constructor(keptSeconds: number, clock: Clock) {
    this.#keptMs = keptSeconds * 1_000;
    this.#clock = clock;
  }

  get(key: string): { readonly quote: Quote; readonly ageMs: number } | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) return undefined;
    this.#kept.delete(key);
    const now = this.#clock.now();
    if (now >= found.until) return undefined;
    this.#kept.set(key, found);
    return { quote: found.quote, ageMs: Math.max(0, now - found.at) };
  }

  /** @param expiresAt until when Amazon lets it be given again, if it says so, epoch milliseconds */
  keep(key: string, quote: Quote, expiresAt: number | undefined): void {
    const at = Date.parse(quote.quotedAt);
    const until = Math.min(at + this.#keptMs, expiresAt ?? Infinity);
    if (until <= this.#clock.now()) return;
    this.#kept.set(key, { quote, at, until });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}

/**
 * What Amazon offers for line items. Only a quote that names neither a place nor a shopper may be one that was made for
 * somebody else a moment ago.
 *
 * @throws what the client throws
 */
export async function quoteOffers(
  { client, cache }: QuoteParts,
  call: BuyWithPrimeCall,
  request: QuoteRequest,
  shopperToken: string | undefined,
): Promise<GivenQuote> {
  const isAnonymous = request.location === undefined && shopperToken === undefined;
  const key = canonicalJson([call.account, request.lineItems]);
  const kept = isAnonymous ? cache.get(key) : undefined;
  if (kept) return { quote: kept.quote, ageSeconds: Math.floor(kept.ageMs / 1_000), cached: true };
  const { quote, expiresAt } = await client.offers(call, request, shopperToken);
  if (isAnonymous) cache.keep(key, quote, expiresAt);
  return { quote, ageSeconds: 0, cached: false };
}
