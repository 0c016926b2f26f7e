/** What became of a request: its HTTP status, or why it has none. */
export type Outcome = number | 'pending' | 'dropped' | 'hung' | 'client-closed';

export interface Arrival {
  /** Counts from 1 over the life of the log. */
  number: number;
  /** When the request reached the token bucket, in milliseconds since the epoch. */
  at: number;
  account: string | null;
  licensor: string | null;
  alid: string | null;
  /**
   * Product Pricing's operation, `token`, `verify`, `redeem`, `entitlements`, `fulfil`, `profile`, `offers`, `order` or
   * `createOrderFromOffer`; not there on requests to the Offer Status API.
   */
  operation?: string;
  /** The marketplaces that a pricing request names. */
  marketplaceIds?: readonly string[];
  /** The ASINs or SKUs that a pricing request asks for; the entitlements that a report is about; products and aliases of Buy with Prime. */
  items?: readonly string[];
  /** What a request about an offer code carried. */
  offerCode?: OfferCodeArrival;
  outcome: Outcome;
}

/** Parts of a request as they arrived, byte for byte; null where it had none. Codes are kept in memory only. */
export interface OfferCodeArrival {
  /** The benefit, where it is one that there is. */
  benefit: string | null;
  /** The code's segment of the path, percent-encoding included. */
  codeSegment: string | null;
  /** `x-amz-request-id`. */
  requestId: string | null;
  /** `x-amz-date`: when it was signed. */
  date: string | null;
  /** `x-amz-time-zone`. */
  timeZone: string | null;
  /** `x-amz-offer-code-redemption-time`. */
  redemptionTime: string | null;
}

export interface RequestCounts {
  total: number;
  /** Requests by outcome; requests still being answered count as `pending`. */
  byStatus: Record<string, number>;
}

export interface RequestReport extends RequestCounts {
  /** Connections that failed the TLS handshake: no client certificate, or a foreign one. */
  tlsRejected: number;
  /** Requests to the Offer Status API. Those without a valid key are counted under `(none)`. */
  accounts: Record<string, RequestCounts>;
  /**
   * Requests to Product Pricing and Buy with Prime, for their tokens, and about entitlements by `account/operation`, and
   * about offer codes by `benefit/operation`. Not there when there were none.
   */
  operations?: Record<string, RequestCounts>;
  /** Oldest first; at most the log's capacity. */
  arrivals: Arrival[];
  /** Arrivals that no longer fit in the log. */
  forgotten: number;
}

const DEFAULT_CAPACITY = 50_000;

/** Counts every request and remembers the last ones, in constant time and bounded memory. */
export class RequestLog {
  readonly #capacity: number;
  /** A ring: arrival `n` lives in slot `(n - 1) % capacity`. */
  #ring: Arrival[] = [];
  #arrived = 0;
  #tlsRejected = 0;
  #counts = emptyCounts();
  #byAccount = new Map<string, RequestCounts>();
  #byOperation = new Map<string, RequestCounts>();

  constructor(capacity: number = DEFAULT_CAPACITY) {
    this.#capacity = capacity;
  }

  arrive(request: Omit<Arrival, 'number' | 'outcome'>): Arrival {
    this.#arrived += 1;
    const arrival: Arrival = { number: this.#arrived, ...request, outcome: 'pending' };
    this.#ring[(arrival.number - 1) % this.#capacity] = arrival;
    for (const counts of this.#countsOf(arrival)) {
      counts.total += 1;
      count(counts, 'pending', 1);
    }
    return arrival;
  }

  finish(arrival: Arrival, outcome: Outcome): void {
    for (const counts of this.#countsOf(arrival)) {
      count(counts, arrival.outcome, -1);
      count(counts, outcome, 1);
    }
    arrival.outcome = outcome;
  }

  rejectTls(): void {
    this.#tlsRejected += 1;
  }

  /** @param after leave out arrivals up to this number, so that a reader can follow the log. */
  report(after = 0): RequestReport {
    const oldest = Math.max(this.#arrived - this.#ring.length, after);
    const arrivals: Arrival[] = [];
    for (let number = oldest + 1; number <= this.#arrived; number += 1) {
      const arrival = this.#ring[(number - 1) % this.#capacity];
      if (arrival) arrivals.push({ ...arrival });
    }
    return {
      ...copy(this.#counts),
      tlsRejected: this.#tlsRejected,
      accounts: copies(this.#byAccount),
      ...(this.#byOperation.size > 0 && { operations: copies(this.#byOperation) }),
      arrivals,
      forgotten: this.#arrived - this.#ring.length,
    };
  }

  #countsOf(arrival: Arrival): RequestCounts[] {
    const { operation, offerCode } = arrival;
    const account = arrival.account ?? offerCode?.benefit ?? '(none)';
    const [groups, name] =
      operation === undefined ? [this.#byAccount, account] : [this.#byOperation, `${account}/${operation}`];
    let counts = groups.get(name);
    if (!counts) groups.set(name, (counts = emptyCounts()));
    return [this.#counts, counts];
  }
}

function emptyCounts(): RequestCounts {
  return { total: 0, byStatus: {} };
}

function copies(groups: ReadonlyMap<string, RequestCounts>): Record<string, RequestCounts> {
  return Object.fromEntries([...groups].map(([name, counts]) => [name, copy(counts)]));
}

function copy(counts: RequestCounts): RequestCounts {
  return { total: counts.total, byStatus: { ...counts.byStatus } };
}

function count(counts: RequestCounts, outcome: Outcome, by: 1 | -1): void {
  const value = (counts.byStatus[outcome] ?? 0) + by;
  if (value === 0) delete counts.byStatus[outcome];
  else counts.byStatus[outcome] = value;
}
