import { afterAll, beforeAll, expect, test } from 'vitest';
import { partnerAccess } from '../../local/partners-file.ts';
import { readContract } from '../partner-api/api-contract.ts';
import { fuzzApi } from '../partner-api/fuzz-api.ts';
import { pathOf, queryOf } from '../partner-api/request-generator.ts';
import { signedClient, type SignedClient } from '../partner-api/signed-client.ts';
import type { LocalStack } from './local-stack.ts';
import { LICENSOR, startLocalStack, US } from './local-stack.ts';

const REQUESTS = Number(process.env['OFFER_RELAY_FUZZ_REQUESTS'] ?? 10_000);
const SEED = Number(process.env['OFFER_RELAY_FUZZ_SEED'] ?? 20260302);
const ASINS = ['B0US000001', 'B0US000002'];
const SKUS = ['Shelf 3 / 12', '50%25 + more'];
const TITLES = ['md:alid:eidr-s:0001', 'OTHER/2'];
const CODES = Array.from({ length: 20 }, (_, index) => `FUZZ-CODE-${index}`);

let stack: LocalStack;
let client: SignedClient;
beforeAll(async () => {
  const items = ASINS.map((asin, index) => ({ marketplaceId: US, asin, ...(SKUS[index] && { sku: SKUS[index] }) }));
  const about = { account: 'americas', marketplaceId: US, customerType: 'Consumer' } as const;
  stack = await startLocalStack({
    titles: TITLES,
    items,
    prices: [
      ...ASINS.map((item) => ({ ...about, view: 'offers', condition: 'New', itemType: 'asin', item }) as const),
      ...SKUS.map((item) => ({ ...about, view: 'own', condition: 'Any', itemType: 'sku', item }) as const),
    ],
    codes: CODES.map((code, index) => ({ benefit: index % 2 === 0 ? 'ONCE' : 'OFTEN', code })),
    partners: {
      fuzzer: {
        accountId: '111122223333',
        externalId: 'fuzzer',
        benefits: ['ONCE', 'OFTEN'],
        plan: { perSecond: 10_000, burst: 5_000 },
        invalidCodes: { limit: 100_000, windowSeconds: 600 },
      },
    },
  });
  await stack.poll('the titles', () => stack.events.length >= TITLES.length);
  await stack.pollPrices('the prices', () => stack.events.length >= TITLES.length + ASINS.length + SKUS.length);
  const access = partnerAccess(stack.cloud, { partners: stack.settings.partnerApi.partners })['fuzzer'];
  client = signedClient(access!, 8);
});
afterAll(async () => {
  client?.close();
  await stack?.stop();
});

test(`${REQUESTS} generated requests over all routes get what the document says, and cause no fault (seed ${SEED})`, async () => {
  const { findings, statuses, successes } = await fuzzApi({
    contract: readContract(),
    requests: REQUESTS,
    seed: SEED,
    concurrency: 8,
    known: {
      ...{
        licensor: [LICENSOR],
        alid: TITLES,
        asin: ASINS,
        sku: SKUS,
        marketplaceId: [US, 'US'],
        account: ['americas'],
      },
      ...{ benefitId: ['ONCE', 'OFTEN'], offerCode: CODES },
    },
    send: (request) => {
      const { method, headers, body } = request;
      const query = queryOf(request);
      return client.send({ method, path: `${pathOf(request)}${query === '' ? '' : `?${query}`}`, headers, body });
    },
  });
  console.log(`answers by status: ${JSON.stringify(statuses)}`);
  expect(findings.slice(0, 20)).toEqual([]);
  // The upstream is well, so nothing may fail.
  expect(Object.keys(statuses).filter((status) => Number(status) >= 500)).toEqual([]);
  // Each route has been let do its work.
  expect(Object.entries(successes).filter(([, count]) => count === 0)).toEqual([]);
  expect(Object.values(statuses).reduce((sum, count) => sum + count)).toBe(REQUESTS);
}, 900_000);
