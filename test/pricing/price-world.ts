import type { RecordedChange } from '../../lambdas/change-events/changes.store.ts';
import { askPrices } from '../../lambdas/pricing/ask-prices.ts';
import { priceChecks } from '../../lambdas/pricing/check-prices.ts';
import { bucketOfWatch, pricingAccounts } from '../../lambdas/pricing/pricing-accounts.ts';
import type { PricingClient } from '../../lambdas/pricing/pricing.client.ts';
import { itemOffersOf, listingOffersOf } from '../../lambdas/pricing/pricing-requests.ts';
import type { PricingAnswer } from '../../lambdas/pricing/pricing-results.ts';
import { readOffers, readOffersBatch, readPrices } from '../../lambdas/pricing/pricing-results.ts';
import type { Prices } from '../../lambdas/pricing/prices.ts';
import type { DeadSlice } from '../../lambdas/shared/dead-letters.ts';
import type { UpstreamError } from '../../lambdas/shared/errors.ts';
import { settleVisit } from '../../lambdas/shared/laps/settle-visit.ts';
import { lapOf } from '../../lambdas/shared/laps/slice.ts';
import type { Visit } from '../../lambdas/shared/laps/slice-runner.ts';
import type { SlotResult } from '../../lambdas/shared/pacer/pacer.ts';
import { RuntimeSettings } from '../../lambdas/shared/settings-schema.ts';
import type { PriceWatch } from '../../lambdas/shared/watches.ts';
import { priceWatchId } from '../../lambdas/shared/watches.ts';
import type { WatchHead } from '../../lambdas/shared/watches.store.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

/** What the API answers to a request: an error, or a status with a body, whatever it is. */
export type Reply = UpstreamError | { readonly status?: number; readonly body: unknown };

export const US = 'ATVPDKIKX0DER';

/** Checks of prices with everything real but the wire and the tables, which are played. */
export class PriceWorld {
  readonly clock = new LeapingClock();
  readonly rows = new Map<string, WatchHead<Prices>>();
  readonly recorded: RecordedChange[] = [];
  readonly slots: SlotResult[] = [];
  readonly letters: DeadSlice[] = [];
  readonly drift: string[] = [];
  readonly refusals: string[] = [];
  requests = 0;
  /** A fault of our own while a change is recorded. */
  recordFault: Error | undefined;
  /** How the API answers the next request. */
  reply: (items: readonly string[]) => Reply = () => ({ body: {} });

  readonly #accounts;
  readonly #checks;

  constructor(offersOperations: Record<string, string> = {}) {
    const { pricing } = RuntimeSettings.parse({
      stage: 'test',
      pricing: { accounts: { main: { marketplaces: ['US'], sellerId: 'ME' } }, offersOperations },
    });
    this.#accounts = pricingAccounts(pricing);
    this.#checks = priceChecks(
      {
        bucketOf: (watch) => bucketOfWatch(this.#accounts, watch)?.id,
        sellerOf: () => 'ME',
        ask: (bucket, watches, onLeft) =>
          askPrices(this.#client(), this.#bucket(bucket.id).operation, watches, { onLeft }),
        ready: () => Promise.resolve(),
        onDrift: (_, drift) => void this.drift.push(...drift),
        onRefusal: (error, watches) => void this.refusals.push(`${error.code} for ${watches}`),
        heads: (ids) => Promise.resolve(new Map([...this.rows].filter(([id]) => ids.includes(id)))),
        record: (change) => this.#record(change),
        clock: this.clock,
        pause: () => 1,
      },
      10_000,
    );
  }

  /** Puts a watch on the list; gives its identifier. */
  add(watch: Partial<PriceWatch> = {}, head: Partial<WatchHead<Prices>> = {}): string {
    const whole: PriceWatch = {
      account: 'main',
      view: 'offers',
      marketplaceId: US,
      itemType: 'asin',
      condition: 'New',
      customerType: 'Consumer',
      item: 'B000000001',
      ...watch,
    };
    const watchId = priceWatchId(whole);
    const bucketId = bucketOfWatch(this.#accounts, whole)?.id ?? 'pricing|none';
    this.rows.set(watchId, { watchId, bucketId, lap: lapOf(bucketId, 'new'), version: 0, sentAt: 0, ...head });
    return watchId;
  }

  /** One request about watches of one bucket, a minute later, with what a worker does about each visit. */
  async visit(...watchIds: string[]): Promise<Visit[]> {
    this.clock.leap(60_000);
    const heads = watchIds.map((id) => this.head(id));
    const bucketId = heads[0]?.bucketId ?? '';
    const slot = { left: () => undefined, answered: (result: SlotResult) => void this.slots.push(result) };
    const visits = await this.#checks.check(this.#bucket(bucketId), heads, slot, 'message-1');
    const slice = { id: 's', bucket: bucketId, class: 'steady', watches: watchIds };
    return Promise.all(
      heads.map(async (head) => {
        const visit = visits.get(head.watchId);
        if (!visit) throw new Error(`no visit of ${head.watchId}`);
        await settleVisit(this.#settling(), slice, head, visit);
        return visit;
      }),
    );
  }

  head(watchId: string): WatchHead<Prices> {
    const head = this.rows.get(watchId);
    if (!head) throw new Error(`no watch ${watchId}`);
    return head;
  }

  /** Detail types of the events that were announced since this was asked last. */
  told(): string[] {
    return this.recorded.splice(0).flatMap(({ events }) => events.map(({ detailType }) => detailType));
  }

  #bucket(id: string) {
    const bucket = this.#accounts.flatMap(({ buckets }) => buckets).find((each) => each.id === id);
    if (!bucket) throw new Error(`no bucket ${id}`);
    return bucket;
  }

  #record(change: RecordedChange): Promise<'recorded' | 'outrun'> {
    if (this.recordFault) return Promise.reject(this.recordFault);
    const row = this.rows.get(change.watchId);
    if (row?.version !== change.seenVersion) return Promise.resolve('outrun');
    this.recorded.push(change);
    const { attempts: _a, problem: _p, missingSince: _m, missingParts: _l, notBefore: _n, ...rest } = row;
    this.rows.set(change.watchId, {
      ...rest,
      lap: change.lap,
      version: row.version + 1,
      // As a table gives it back.
      state: JSON.parse(JSON.stringify(change.after)) as Prices,
      sentAt: change.sentAt,
      observedAt: new Date(change.now).toISOString(),
      ...(change.problem && { problem: change.problem }),
    });
    return Promise.resolve('recorded');
  }

  #settling(): Parameters<typeof settleVisit<Prices>>[0] {
    return {
      watches: {
        place: ({ watchId, bucketId }, to, { attempts, problem, missingSince, missingParts, notBefore }) => {
          const row = { ...this.head(watchId), bucketId, lap: lapOf(bucketId, to) };
          this.rows.set(watchId, { ...row, attempts, problem, missingSince, missingParts, notBefore });
          return Promise.resolve(true);
        },
      },
      deadLetters: { giveUp: (letter) => Promise.resolve(void this.letters.push(letter)) },
      clock: this.clock,
      attempts: 5,
      count: () => undefined,
      warn: () => undefined,
    };
  }

  /** The client without its wire: what it makes of an answer is its own. */
  #client(): PricingClient {
    const exchange = async <Body>(
      items: readonly string[],
      read: (answer: PricingAnswer) => { body: Body; drift: string[] },
    ) => {
      this.requests += 1;
      const sentAt = this.clock.now();
      const reply = await Promise.resolve(this.reply(items));
      this.clock.leap(200);
      if (reply instanceof Error) throw reply;
      const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
      const answer = {
        status: reply.status ?? 200,
        text,
        truncated: false,
        host: 'sellingpartnerapi-na.amazon.com',
        path: `/products/${items.join(',')}`,
        requestId: 'r',
      };
      return { ...read(answer), sentAt, answeredAt: this.clock.now() };
    };
    return {
      getPricing: ({ itemType, items }) => exchange(items, (answer) => readPrices(answer, itemType, items)),
      getCompetitivePricing: ({ itemType, items }) => exchange(items, (answer) => readPrices(answer, itemType, items)),
      getItemOffers: ({ asin }) => exchange([asin], readOffers),
      getListingOffers: ({ sku }) => exchange([sku], readOffers),
      getItemOffersBatch: ({ requests }) =>
        exchange(
          requests.map(({ asin }) => asin),
          (answer) => readOffersBatch(answer, requests.map(itemOffersOf)),
        ),
      getListingOffersBatch: ({ requests }) =>
        exchange(
          requests.map(({ sku }) => sku),
          (answer) => readOffersBatch(answer, requests.map(listingOffersOf)),
        ),
    };
  }
}
