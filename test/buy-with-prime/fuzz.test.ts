import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BuyWithPrimeClient } from '../../lambdas/buy-with-prime/buy-with-prime-port.ts';
import { serveBuyWithPrime } from '../../lambdas/buy-with-prime/serve-buy-with-prime.ts';
import { OccurrenceStore } from '../../lambdas/change-events/occurrences.store.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { IdempotencyTable } from '../../lambdas/shared/idempotency/idempotency.store.ts';
import { partnerIdentifier } from '../../lambdas/shared/partner-api/partners.ts';
import { createPartnerHandler } from '../../lambdas/shared/partner-api/serve.ts';
import { PartnerApiSettings } from '../../lambdas/shared/settings-schema.ts';
import { QUOTE_EXAMPLE } from '../../config/openapi/examples.ts';
import { tellInto } from '../shared/told.ts';
import { readContract } from '../partner-api/api-contract.ts';
import { CALLER } from '../partner-api/example-handlers.ts';
import { fuzzApi } from '../partner-api/fuzz-api.ts';
import { sendToHandlers } from '../partner-api/proxy-event.ts';
import { rememberingOffers, SHOPPER, shopBodies } from '../partner-api/shop-bodies.ts';
import { type EngineTables, startEngineTables } from '../shared/engine-tables.ts';
import { AmazonOrders } from './amazon-orders.ts';
import { HASH_KEY } from './shop-world.ts';

const SEED = Number(process.env['OFFER_RELAY_FUZZ_SEED'] ?? 20260303);
const REQUESTS = 2_000;
const TOKEN = 'Atza|token-of-the-fuzzed-shopper';
const SHOP = {
  productIds: ['example-mug', 'example-lamp'],
  skus: ['POSTER-01'],
  orderIds: ['order-1001', 'a/b é 50%', '№ 1001 + #?&', '..x', 'o'.repeat(128)],
};

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

/** Amazon's side, whose offers cost what their first line item does. */
function pricedClient(amazon: AmazonOrders): BuyWithPrimeClient {
  const client = amazon.client();
  const [line] = QUOTE_EXAMPLE.offers[0]!.lineItems;
  const lineItems = [{ ...line!, product: { ...line!.product, price: { amount: '25', currencyCode: 'USD' } } }];
  return {
    ...client,
    offers: async (...asked) => {
      const { quote, expiresAt } = await client.offers(...asked);
      return { quote: { ...quote, offers: quote.offers.map((offer) => ({ ...offer, lineItems })) }, expiresAt };
    },
  };
}

// Takes as long as the machine does.
test(
  `${REQUESTS} generated quotes and orders are answered as the document says, and nothing of a shopper is kept or told (seed ${SEED})`,
  { timeout: 300_000 },
  async () => {
    const amazon = new AmazonOrders(Date.now);
    const telemetry = tellInto();
    const partners = {
      example: { accountId: '000000000000', externalId: 'example', buyWithPrime: { account: 'store' } },
    };
    const handler = createPartnerHandler({
      routes: serveBuyWithPrime({
        settings: { deadlineMs: 5_000, quoteCacheSeconds: 60 },
        client: pricedClient(amazon),
        hashKey: async () => HASH_KEY,
        requests: new IdempotencyTable(tables.database, 'Requests', systemClock),
        occurrences: new OccurrenceStore(tables.database, 'History', systemClock),
        telemetry,
        clock: systemClock,
      }),
      identify: partnerIdentifier(
        `example=${CALLER.roleId}/${CALLER.apiKeyId}`,
        PartnerApiSettings.parse({ partners }),
      ),
      telemetry,
      clock: systemClock,
    });
    const contract = readContract();
    const own = contract.operations.filter(({ capability }) => capability === 'buy-with-prime');
    const { findings, failures, successes, statuses } = await fuzzApi({
      contract,
      send: rememberingOffers(sendToHandlers(new Map([[own[0]!.handler, handler]]), CALLER)),
      requests: REQUESTS,
      seed: SEED,
      only: (id) => own.some(({ operationId }) => operationId === id),
      bodies: shopBodies(SHOP),
      privateTexts: Object.values(SHOPPER),
      known: { orderId: SHOP.orderIds, 'x-amz-access-token': [TOKEN] },
    });
    expect(findings.slice(0, 10)).toEqual([]);
    expect(failures).toEqual({});
    for (const [operationId, count] of Object.entries(successes))
      expect([operationId, count > 2]).toEqual([operationId, true]);
    expect(statuses[409]).toBeGreaterThan(20);
    expect(amazon.orders.size).toBeGreaterThan(20);
    for (const orders of amazon.orders.values()) expect(orders).toHaveLength(1);
    const { Items: rows = [] } = await tables.database.send(new ScanCommand({ TableName: 'Requests' }));
    const { Items: history = [] } = await tables.database.send(new ScanCommand({ TableName: 'History' }));
    expect(history.length).toBeGreaterThan(amazon.orders.size);
    const kept = JSON.stringify([rows, history, telemetry.lines]);
    for (const text of [TOKEN, ...Object.values(SHOPPER)]) expect(kept).not.toContain(text);
  },
);
