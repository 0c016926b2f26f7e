/** What the bench asks of every client. */

export type Operation = 'getPricing' | 'getItemOffersBatch';

/** Requests per second, and how many may come at once. */
export interface Rate {
  readonly rate: number;
  readonly burst: number;
}

export type Fault =
  /** Each item fails inside an otherwise good answer with this chance, the first time it is asked for. */
  | { readonly kind: 'inner-failures'; readonly share: number }
  /** Every n-th request that was given a token answers 503. */
  | { readonly kind: 'unavailable'; readonly every: number }
  /** After so many requests the access token is refused as expired, an hour early; the next one lasts. */
  | { readonly kind: 'expired-token'; readonly afterRequests: number };

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly operation: Operation;
  readonly items: number;
  /** What the client is told. */
  readonly configured: Rate;
  /** What the server grants, where that differs. */
  readonly granted?: Rate;
  /** Processes or workers that share the account. @default 1 */
  readonly consumers?: number;
  readonly fault?: Fault;
}

/** Most items of one request. */
export const PACK = 20;
/** The United States. */
export const MARKETPLACE = 'ATVPDKIKX0DER';
/** Of the simulated upstream. */
export const LATENCY = { medianMs: 200, sigma: 0.1, uplinkShare: 0.25 } as const;

export const SCENARIOS: readonly Scenario[] = [
  scenario('a', '2,000 prices at 10/s, burst 20', 'getPricing', 2_000, { rate: 10, burst: 20 }),
  scenario('b', '200 offers at 0.5/s, burst 1', 'getItemOffersBatch', 200, { rate: 0.5, burst: 1 }),
  scenario('c', '400 prices at 0.5/s, burst 1', 'getPricing', 400, { rate: 0.5, burst: 1 }),
  scenario('d', '100 offers at 0.1/s, burst 1', 'getItemOffersBatch', 100, { rate: 0.1, burst: 1 }),
  scenario('e', 'four consumers of one bucket', 'getPricing', 2_000, { rate: 10, burst: 20 }, { consumers: 4 }),
  scenario(
    'f',
    'one item in ten fails at first',
    'getItemOffersBatch',
    200,
    { rate: 0.5, burst: 1 },
    {
      fault: { kind: 'inner-failures', share: 0.1 },
    },
  ),
  scenario(
    'g',
    'every fifth request fails',
    'getPricing',
    4_000,
    { rate: 10, burst: 20 },
    {
      fault: { kind: 'unavailable', every: 5 },
    },
  ),
  scenario(
    'h',
    'the access token expires',
    'getPricing',
    2_000,
    { rate: 10, burst: 20 },
    {
      fault: { kind: 'expired-token', afterRequests: 40 },
    },
  ),
  scenario(
    'i',
    '10/s granted, 5/s known',
    'getPricing',
    4_000,
    { rate: 5, burst: 10 },
    {
      granted: { rate: 10, burst: 10 },
    },
  ),
];

function scenario(
  id: string,
  title: string,
  operation: Operation,
  items: number,
  configured: Rate,
  rest: Pick<Scenario, 'granted' | 'consumers' | 'fault'> = {},
): Scenario {
  return { id, title, operation, items, configured, ...rest };
}

/** The rate that the server keeps. */
export function rateOf({ granted, configured }: Scenario): Rate {
  return granted ?? configured;
}

/**
 * The least time that the server's bucket allows, in milliseconds: a round trip for the access token, without which nothing
 * can be sent, a full bucket, requests that arrive the moment there is a token, and one median round trip.
 *
 * @param repeats requests that were needed besides one for each pack of items
 */
export function leastTime(scenario: Scenario, repeats: number): number {
  const { rate, burst } = rateOf(scenario);
  const needed = Math.ceil(scenario.items / PACK) + repeats;
  return LATENCY.medianMs + (Math.max(0, needed - burst) / rate) * 1000 + LATENCY.medianMs;
}

/** The items of a scenario: identifiers that look like ASINs and are the same in every run. */
export function itemsOf({ id, items }: Pick<Scenario, 'id' | 'items'>): string[] {
  return Array.from({ length: items }, (_, index) => `B0${id.toUpperCase()}${String(index).padStart(7, '0')}`);
}

/** What fits into one request each. */
export function packsOf<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / PACK) }, (_, index) =>
    items.slice(index * PACK, (index + 1) * PACK),
  );
}
