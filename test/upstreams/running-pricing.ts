import { Agent, request } from 'node:https';
import { afterEach } from 'vitest';
import type { PricingOptions, SimulatorOptions } from '../../local/upstreams/simulator.ts';
import { start, type Received, type Started } from './running-simulator.ts';

export const US = 'ATVPDKIKX0DER';
export const CA = 'A2EUQ1WTGCTBG2';
export const DE = 'A1PA6795UKMFR9';
export const JP = 'A1VC38T7YXB528';
export const ASIN = 'B000000001';
export const SKU = 'Größe 7/8" + 50%2F off';

const OPERATIONS = [
  'getPricing',
  'getCompetitivePricing',
  'getListingOffers',
  'getItemOffers',
  'getItemOffersBatch',
  'getListingOffersBatch',
] as const;
const GENEROUS = Object.fromEntries(OPERATIONS.map((operation) => [operation, { rate: 1000, burst: 1000 }]));
export const SHOP = { name: 'shop', sellerId: 'A1SHOP0000001', marketplaces: [US, CA], rates: GENEROUS };

/** What any answer may hold; each test looks at what it needs. */
export interface Body {
  payload?: unknown;
  errors?: { code: string; message: string; details?: string }[];
  responses?: {
    status: { statusCode: number; reasonPhrase: string };
    headers: Record<string, string>;
    body: Body;
    request: Record<string, string>;
  }[];
  access_token?: string;
}
export type Answered = Omit<Received, 'json'> & { json: Body };

export interface StartedPricing extends Started {
  /** Posts a form to the token endpoint, the account's own unless fields are replaced; undefined leaves one out. */
  askToken(account?: string, fields?: Record<string, string | undefined>): Promise<Answered>;
  token(account?: string): Promise<string>;
  /** Asks with a token of the account that is fetched once, unless another is given; null sends none. */
  ask(target: string, options?: AskOptions): Promise<Answered>;
  price(query: Record<string, string>, options?: AskOptions): Promise<Answered>;
  competitive(query: Record<string, string>, options?: AskOptions): Promise<Answered>;
  itemOffers(asin: string, query?: Record<string, string>, options?: AskOptions): Promise<Answered>;
  listingOffers(sku: string, query?: Record<string, string>, options?: AskOptions): Promise<Answered>;
  itemBatch(requests: unknown, options?: AskOptions): Promise<Answered>;
  listingBatch(requests: unknown, options?: AskOptions): Promise<Answered>;
}

export interface AskOptions {
  account?: string;
  token?: string | null;
  method?: string;
  body?: string;
}

const agents: Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

/** A simulator with one frozen item, listed by one account with generous rates, unless told otherwise. */
export async function startPricing(
  options: Partial<PricingOptions> = {},
  simulatorOptions: Partial<Omit<SimulatorOptions, 'offerStatus' | 'pricing'>> = {},
): Promise<StartedPricing> {
  const started = await start({
    ...simulatorOptions,
    pricing: { accounts: [SHOP], items: [{ marketplaceId: US, asin: ASIN, sku: SKU }], tempo: 0, ...options },
  });
  const { simulator } = started;
  const agent = new Agent({ keepAlive: true });
  agents.push(agent);
  const firstAccount = options.accounts?.[0]?.name ?? SHOP.name;

  const call = async (
    url: string,
    target: string,
    { method, headers, body }: { method: string; headers: Record<string, string>; body?: string | undefined },
  ): Promise<Answered> =>
    await new Promise((resolve, reject) => {
      const { ca } = simulator.pricingCredentials(firstAccount);
      // No URL parser comes between: the path goes out as it is.
      const { port } = new URL(url);
      const sent = request({ host: '127.0.0.1', port, path: target, method, headers, agent, ca });
      sent.on('error', reject);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
        });
      });
      sent.end(body);
    });

  const askToken: StartedPricing['askToken'] = async (account = firstAccount, fields = {}) => {
    const { clientId, clientSecret, refreshToken } = simulator.pricingCredentials(account);
    const form = new URLSearchParams();
    const all = {
      grant_type: 'refresh_token',
      client_id: clientId,
      client_secret: clientSecret,
      refresh_token: refreshToken,
      ...fields,
    };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) form.set(name, value);
    return await call(simulator.tokenUrl, new URL(simulator.tokenUrl).pathname, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
      body: form.toString(),
    });
  };
  const token = async (account?: string): Promise<string> => (await askToken(account)).json.access_token ?? '';
  const known = new Map<string, string>();
  const ask: StartedPricing['ask'] = async (
    target,
    { account = firstAccount, token: given, method = 'GET', body } = {},
  ) => {
    if (given === undefined && !known.has(account)) known.set(account, await token(account));
    const header = given === undefined ? known.get(account) : given;
    return await call(simulator.pricingUrl, target, {
      method,
      headers: header == null ? {} : { 'x-amz-access-token': header },
      body,
    });
  };
  const query = (parameters: Record<string, string>): string => new URLSearchParams(parameters).toString();
  const list =
    (path: string) =>
    (parameters: Record<string, string>, asking?: AskOptions): Promise<Answered> =>
      ask(`/products/pricing/v0/${path}?${query({ MarketplaceId: US, ...parameters })}`, asking);
  const offers =
    (kind: string) =>
    (name: string, parameters: Record<string, string> = {}, asking?: AskOptions): Promise<Answered> =>
      ask(
        `/products/pricing/v0/${kind}/${encodeURIComponent(name)}/offers?` +
          query({ MarketplaceId: US, ItemCondition: 'New', ...parameters }),
        asking,
      );
  const batch =
    (path: string) =>
    (requests: unknown, asking?: AskOptions): Promise<Answered> =>
      ask(`/batches/products/pricing/v0/${path}`, { method: 'POST', body: JSON.stringify({ requests }), ...asking });
  return {
    ...started,
    askToken,
    token,
    ask,
    price: list('price'),
    competitive: list('competitivePrice'),
    itemOffers: offers('items'),
    listingOffers: offers('listings'),
    itemBatch: batch('itemOffers'),
    listingBatch: batch('listingOffers'),
  };
}

/** One request of a batch. */
export function batched(by: 'asin' | 'sku', name: string, parameters: Record<string, unknown> = {}): object {
  const kind = by === 'asin' ? 'items' : 'listings';
  return {
    uri: `/products/pricing/v0/${kind}/${encodeURIComponent(name)}/offers`,
    method: 'GET',
    MarketplaceId: US,
    ItemCondition: 'New',
    ...parameters,
  };
}

/** Items with consecutive ASINs, listed or not. */
export function items(
  count: number,
  marketplaceId: string = US,
): { marketplaceId: string; asin: string; sku: string }[] {
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1).padStart(9, '0');
    return { marketplaceId, asin: `B${number}`, sku: `SKU ${index + 1}/x` };
  });
}

function parse(text: string): Body {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return {};
  }
}
