import { Agent, request } from 'node:https';
import { afterEach } from 'vitest';
import type { BuyWithPrimeOptions, BuyWithPrimeUpstream, SimulatorOptions } from '../../local/upstreams/simulator.ts';
import { start, type Received, type Started } from './running-simulator.ts';

export const ACCOUNT = 'shop';
export const MUG = { account: ACCOUNT, productId: 'mug', sku: 'MUG-01', title: 'Mug', price: '12.50' } as const;
export const POSTER = { account: ACCOUNT, productId: 'poster', sku: 'P-01', price: '9', prime: false } as const;
export const ADDRESS = {
  name: 'John Doe',
  streetAddress: '410 Terry Avenue N',
  locality: 'Seattle',
  region: 'WA',
  countryCode: 'US',
  postalCode: '98109',
};

export interface Asking {
  account?: string;
  /** @default a token of the account, asked for once; null sends none */
  token?: string | null;
  headers?: Record<string, string | undefined>;
  /** The whole body, in place of what would be sent; not JSON where it is a text. */
  body?: unknown;
  method?: string;
  path?: string;
}

/** An error of an answer, wherever it says its type and code. */
export interface ReceivedError {
  message: string;
  errorType?: string;
  errorCode?: string;
  extensions?: Record<string, string>;
  path?: (string | number)[];
}

export interface Answered {
  data?: Record<string, unknown> | null;
  errors?: ReceivedError[];
}

/** What the tests look at of an offer's line. */
export interface QuotedLine {
  product: object;
  deliveryOffer: { deliveryOfferSummary: { deliveryMessage: { messageText: string } }; details: unknown } | null;
  reversalOffers: unknown;
}

/** The offer of an answer. */
export function offerIn({ data }: Answered): { id: string; lineItems: QuotedLine[] } {
  const { edges } = data?.['offers'] as { edges: { node: { id: string; lineItems: QuotedLine[] } }[] };
  return edges[0]!.node;
}

/** The order that an answer says is made. */
export function orderIn({ data }: Answered): { id: string } {
  return (data?.['createOrderFromOffer'] as { order: { id: string } }).order;
}

export interface StartedBuyWithPrime extends Started {
  readonly upstream: BuyWithPrimeUpstream;
  /** Asks for an access token with a form. */
  token(form?: Record<string, string>, headers?: Record<string, string>): Promise<Received>;
  send(query: string, variables?: object, asking?: Asking): Promise<Received>;
  /** The body of an answer that has come with 200. */
  ask(query: string, variables?: object, asking?: Asking): Promise<Answered>;
  /** Type and code of the first error. */
  refusal(query: string, variables?: object, asking?: Asking): Promise<[type?: string, code?: string]>;
  /** Quotes line items at checkout and answers the offer's identifier. */
  quote(lineItems?: object[], input?: object, asking?: Asking): Promise<string>;
  /** Orders an offer. */
  order(input: object, asking?: Asking): Promise<Answered>;
  fault(rule: object): Promise<string>;
}

export const OFFERS = `query Offers($input: OffersInput!) {
  offers(input: $input) {
    totalCount
    edges { node { id lineItems {
      product { productId { value } externalId { value } sku { value } amazonSku { value marketplaceId } title
        price { amount currencyCode } offerPrime }
      deliveryOffer {
        deliveryOfferSummary { deliveryMessage { messageText badge locale } deliveryProvider
          deliveryTerms { isPrimeEligible deliverySpeed } }
        summary { deliveryMessage { messageText } deliveryTerms { isPrimeEligible } }
        details { id deliveryPreviewId deliveryProvider date { earliest latest } policy { messaging { messageText badge } }
          deliveryTerms { isPrimeEligible deliverySpeed } }
      }
      reversalOffers { summary { title { value locale } description { value locale } resolutionTypes } }
    } } }
  }
}`;
export const ORDER = `mutation Order($input: CreateOrderFromOfferInput!) {
  createOrderFromOffer(input: $input) { order { id aliases { aliasType aliasId } totalPrice { value { amount currencyCode } verified }
    metadata { executionState createdAt } lineItems { id product { productId { value } } amount { unit value } } } }
}`;
export const FIND = `query Find($id: OrderIdentifierInput!) {
  order(orderIdentifier: $id) { id aliases { aliasType aliasId } metadata { executionState } }
}`;

export const mug = (quantity = 1, terms?: object) => ({
  product: { productId: 'mug' },
  amount: { unit: 'ONE', value: quantity },
  ...(terms && { deliveryTerms: terms }),
});
export const aliasOf = (aliasId: string) => ({ aliasType: 'EXTERNAL_ID', aliasId });
export const usd = (amount: number) => ({ value: { amount, currencyCode: 'USD' } });

const agents: Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

/** A simulator with two merchants, of whom one sells a mug with Prime and a poster without, and a client. */
export async function startBuyWithPrime(
  options: Partial<BuyWithPrimeOptions> = {},
  simulatorOptions: Partial<Omit<SimulatorOptions, 'offerStatus' | 'buyWithPrime'>> = {},
): Promise<StartedBuyWithPrime> {
  const accounts = [{ account: ACCOUNT }, { account: 'other' }];
  // Where nothing else is said, errors are spelt as tests read them best.
  const { dialect = {} } = options;
  const buyWithPrime = {
    ...{ accounts, products: [MUG, POSTER], ...options },
    dialect: typeof dialect === 'string' ? dialect : { errorPlace: 'errorType' as const, ...dialect },
  };
  const started = await start({ ...simulatorOptions, buyWithPrime });
  const upstream = started.simulator.buyWithPrime;
  const agent = new Agent({ keepAlive: true });
  agents.push(agent);

  const post = async (
    { url, method = 'POST' }: { url: string; method?: string | undefined },
    headers: Record<string, string | undefined>,
    body: string,
  ): Promise<Received> =>
    await new Promise((resolve, reject) => {
      const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
      const { ca } = upstream.credentials(ACCOUNT);
      const sent = request(url, { method, agent, ca, headers: given });
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

  const formOf = (account: string) => {
    const { clientId, clientSecret } = upstream.credentials(account);
    return { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  };
  const token: StartedBuyWithPrime['token'] = (form = formOf(ACCOUNT), headers = {}) =>
    post(
      { url: upstream.tokenUrl },
      { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      new URLSearchParams(form).toString(),
    );
  const held = new Map<string, string>();
  const tokenOf = async (account: string): Promise<string> => {
    const known = held.get(account);
    if (known !== undefined) return known;
    const { json } = await token(formOf(account));
    const { access_token: made } = json as { access_token: string };
    held.set(account, made);
    return made;
  };
  const send: StartedBuyWithPrime['send'] = async (query, variables = {}, asking = {}) => {
    const { account = ACCOUNT, token: shown = await tokenOf(account), body = { query, variables } } = asking;
    const url = new URL(asking.path ?? '/graphql', upstream.graphqlUrl).href;
    return await post(
      { url, method: asking.method },
      {
        'content-type': 'application/json',
        'x-api-version': '2024-11-01',
        'x-api-target-id': upstream.credentials(account).targetId,
        ...(shown !== null && { authorization: `Bearer ${shown}` }),
        ...asking.headers,
      },
      typeof body === 'string' ? body : JSON.stringify(body),
    );
  };
  const ask: StartedBuyWithPrime['ask'] = async (query, variables, asking) => {
    const { status, text, json } = await send(query, variables, asking);
    if (status !== 200) throw new Error(`${status}: ${text}`);
    return json as Answered;
  };
  return {
    ...started,
    upstream,
    token,
    send,
    ask,
    refusal: async (query, variables, asking) => {
      const { errors: [error] = [] } = await ask(query, variables, asking);
      return [error?.errorType, error?.errorCode];
    },
    quote: async (lineItems = [mug()], input = {}, asking) => {
      const answer = await ask(
        OFFERS,
        { input: { lineItems, location: { shippingAddress: ADDRESS }, ...input } },
        asking,
      );
      if (answer.errors) throw new Error(JSON.stringify(answer.errors));
      return offerIn(answer).id;
    },
    order: (input, asking) => ask(ORDER, { input }, asking),
    fault: async (rule) => {
      const { status, text, json } = await started.control('POST', '/control/faults', { times: 1, ...rule });
      if (status !== 201) throw new Error(text);
      return (json as { id: string }).id;
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
