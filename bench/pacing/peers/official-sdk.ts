import { setTimeout as sleep } from 'node:timers/promises';
import { type BatchAnswer, batchOf, load, offeredItems, type Peer, type PriceList, pricedItems } from './peer.ts';
import { LATENCY } from '../scenarios.ts';

interface Library {
  readonly RateLimitConfiguration: new (perSecond: number, burst: number) => object;
  readonly Pricing_v0SpApi: {
    readonly ApiClient: new (baseUrl?: string) => {
      enableAutoRetrievalAccessToken(clientId: string, clientSecret: string, refreshToken: string, scope: null): void;
      setCustomizedRateLimiterForOperation(operation: string, config: object): void;
    };
    readonly ProductPricingApi: new (client: object) => {
      getPricingWithHttpInfo(
        marketplaceId: string,
        itemType: 'Asin',
        options: { asins: readonly string[] },
      ): Promise<{ response: { body: { payload?: PriceList } } }>;
      getItemOffersBatchWithHttpInfo(body: object): Promise<{ response: { body: BatchAnswer } }>;
    };
  };
}

const PACKAGE = '@amazon-sp-api-release/amazon-sp-api-sdk-js';
/** As in the package's own sample, `sample-node-app/index.js`. */
const TRIES = 3;
const PAUSE_MS = 5_000;

/** What a user sees of the upstream: how long a call takes. */
const LATENCY_SECONDS = LATENCY.medianMs / 1000;

/** Keeps the rate itself; a call that its limiter turns away is made again as in the package's sample. */
export const officialSdk: Peer = {
  name: 'official SDK',
  packageName: PACKAGE,
  pacing: "its rate limiter at the account's rate, 3 tries 5 s apart as in its sample",
  // Whatever its limiter cannot let through at once it turns away, and stays shut as long as somebody knocks.
  lanes: ({ rate, consumers }) => Math.max(1, Math.floor((rate.rate / consumers) * LATENCY_SECONDS)),
  async connect(job) {
    const { Pricing_v0SpApi: api, RateLimitConfiguration } = (await load(PACKAGE)) as Library;
    const { clientId, clientSecret, refreshToken } = job.credentials;
    const client = new api.ApiClient();
    client.enableAutoRetrievalAccessToken(clientId, clientSecret, refreshToken, null);
    // Its limiter knows of no other process, so each is given its part.
    const rate = job.rate.rate / job.consumers;
    const burst = Math.max(1, Math.floor(job.rate.burst / job.consumers));
    client.setCustomizedRateLimiterForOperation(
      `ProductPricingApi-${job.operation}`,
      new RateLimitConfiguration(rate, burst),
    );
    const pricing = new api.ProductPricingApi(client);
    if (job.operation === 'getItemOffersBatch') {
      return (items) =>
        inTries(async () =>
          offeredItems((await pricing.getItemOffersBatchWithHttpInfo(batchOf(job, items))).response.body),
        );
    }
    return (items) =>
      inTries(async () => {
        const { response } = await pricing.getPricingWithHttpInfo(job.marketplaceId, 'Asin', { asins: items });
        return pricedItems(response.body.payload);
      });
  },
};

async function inTries<Result>(call: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      if (tries === TRIES || !(error instanceof Error) || !error.message.includes('Rate limit')) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
