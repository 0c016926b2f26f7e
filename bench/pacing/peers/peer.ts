import type { PeerJob } from '../peer-messages.ts';

/** One SP-API client, set up as its README says for work that has to keep a rate. */
export interface Peer {
  readonly name: string;
  /** The npm package that stands for it. */
  readonly packageName: string;
  /** What keeps its rate, in a few words. */
  readonly pacing: string;
  /** Calls to have under way side by side: what serves this client best. */
  lanes(job: PeerJob): number;
  /** Loads the library and returns how to ask for a pack of items: resolves to those that were answered. */
  connect(job: PeerJob): Promise<(items: readonly string[]) => Promise<string[]>>;
}

/** Loads a package that the compiler does not know of: it is installed by the bench's first run. */
export function load(packageName: string): Promise<unknown> {
  return import(packageName) as Promise<unknown>;
}

/** As many calls side by side as the bucket is deep; each process has its part. */
export function asDeepAsTheBucket({ rate, consumers }: PeerJob): number {
  return Math.max(1, Math.floor(rate.burst / consumers));
}

export interface BatchRequest {
  readonly uri: string;
  readonly method: 'GET';
  readonly MarketplaceId: string;
  readonly ItemCondition: 'New';
}

/** The body of `getItemOffersBatch`, as the API reference has it. */
export function batchOf({ marketplaceId }: PeerJob, items: readonly string[]): { requests: BatchRequest[] } {
  return {
    requests: items.map((asin) => ({
      uri: `/products/pricing/v0/items/${asin}/offers`,
      method: 'GET',
      MarketplaceId: marketplaceId,
      ItemCondition: 'New',
    })),
  };
}

/** Bodies as the API sends them. */
export type PriceList = readonly { readonly status?: string; readonly ASIN?: string }[];
export interface BatchAnswer {
  readonly responses?: readonly {
    readonly status?: { readonly statusCode?: number };
    readonly body?: { readonly payload?: { readonly ASIN?: string } };
  }[];
}

export function pricedItems(payload: PriceList = []): string[] {
  return payload.flatMap(({ status, ASIN }) => (status === 'Success' && ASIN !== undefined ? [ASIN] : []));
}

export function offeredItems({ responses = [] }: BatchAnswer): string[] {
  return responses.flatMap(({ status, body }) => {
    const asin = body?.payload?.ASIN;
    return status?.statusCode === 200 && asin !== undefined ? [asin] : [];
  });
}
