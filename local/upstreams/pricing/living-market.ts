import type { Clock } from '../clock.ts';
import { createRandom, type Random } from '../seeded-random.ts';
import { decideBuyBox, type ItemId, type ItemState, type Market } from './item-state.ts';
import { bornMarket, bornNature, type ItemNature, type Listing } from './market-birth.ts';
import { nextMarket } from './market-life.ts';
import type { SavedItem, SavedItems } from './saved-items.ts';

/** Mean changes per minute and item when no tempo is given. */
const DEFAULT_CHANGES_PER_ITEM = 0.15;

export interface LivingItem extends ItemId {
  /** What stays the same for the item's whole life. Listings may be added. */
  nature: ItemNature;
  /** Every state so far, oldest first. */
  readonly states: ItemState[];
  /** Its place among the items that change by themselves; -1 when the API does not know it. */
  position: number;
  /** Answers given so far: it seeds what is different in each answer though nothing has changed. */
  answers: number;
}

/** A change of an item, as it happens. */
export type ItemChange = (item: LivingItem, before: ItemState, after: ItemState) => void;

export interface LivingMarketOptions {
  seed: number;
  clock: Clock;
  /** Mean number of changes per minute over all items; 0 freezes them. */
  tempo: number | undefined;
  /** Lives to go on with. @default none */
  saved?: SavedItems['items'];
  onChange?: ItemChange;
}

/**
 * All items and their histories. Time passes lazily: changes that fell due since the last look happen, at their own
 * times, when somebody looks. The cost is that of the changes, however many items there are.
 */
export class LivingMarket {
  readonly #options: LivingMarketOptions;
  readonly #items = new Map<string, LivingItem>();
  readonly #listings = new Map<string, string>();
  readonly #changing: LivingItem[] = [];
  /** Decides when something happens, and to what; what happens is the item's own affair. */
  readonly #schedule: Random;
  #tempo: number | undefined;
  #revision = 0;
  #nextChangeAt = Number.POSITIVE_INFINITY;

  constructor(options: LivingMarketOptions) {
    this.#options = options;
    this.#tempo = options.tempo;
    this.#schedule = createRandom(options.seed, 'market-schedule');
  }

  /**
   * Adds an item, or another listing of one that is there; false when both are there already.
   * Listings are best added with their item: who sells an item from its first day on is part of its life.
   *
   * @throws Error for a SKU under which the account lists another item there; nothing is added then
   */
  add(id: ItemId, listings: readonly Listing[] = []): boolean {
    this.passTime();
    const key = keyOf(id);
    const found = this.#items.get(key);
    const news = listings.filter(({ account, sku }) => {
      const listed = this.#listings.get(listingKey(account, id.marketplaceId, sku));
      if (listed !== undefined && listed !== id.asin) throw new Error(`The SKU ${sku} is that of ${listed} already.`);
      return listed === undefined;
    });
    for (const { account, sku } of news) this.#listings.set(listingKey(account, id.marketplaceId, sku), id.asin);
    if (found) {
      found.nature = { ...found.nature, listings: [...found.nature.listings, ...news] };
      return news.length > 0;
    }
    const { seed, clock } = this.#options;
    const saved = this.#options.saved?.[key];
    const nature = {
      ...bornNature(createRandom(seed, id.marketplaceId, id.asin, 'nature'), id.marketplaceId),
      listings: news,
    };
    const born = (): ItemState => ({
      step: 0,
      at: clock.now(),
      event: 'born',
      known: true,
      ...bornMarket(nature, createRandom(seed, id.marketplaceId, id.asin, 0)),
    });
    const item: LivingItem = {
      marketplaceId: id.marketplaceId,
      asin: id.asin,
      nature,
      states: [saved ? resumed(saved) : born()],
      position: -1,
      answers: 0,
    };
    this.#items.set(key, item);
    this.#revision += 1;
    if (currentState(item).known) this.#startChanging(item);
    return true;
  }

  /** Grows with everything that happens. */
  get revision(): number {
    return this.#revision;
  }

  /** Where every life stands, for {@link LivingMarketOptions.saved} of a later run. */
  save(): SavedItems['items'] {
    this.passTime();
    return Object.fromEntries(
      [...this.#items].map(([key, item]) => {
        const { event: _event, ...state } = currentState(item);
        return [key, state];
      }),
    );
  }

  find(id: ItemId): LivingItem | undefined {
    this.passTime();
    return this.#items.get(keyOf(id));
  }

  /** The item that an account lists under a SKU. */
  findListing(account: string, marketplaceId: string, sku: string): LivingItem | undefined {
    const asin = this.#listings.get(listingKey(account, marketplaceId, sku));
    return asin === undefined ? undefined : this.find({ marketplaceId, asin });
  }

  all(): Iterable<LivingItem> {
    this.passTime();
    return this.#items.values();
  }

  /** Moves an item exactly one step, now. */
  advance(item: LivingItem): ItemState {
    this.passTime();
    return this.#step(item, this.#options.clock.now());
  }

  /** Sets an item's market outright, now; an unknown item becomes known again. */
  set(item: LivingItem, market: Market): ItemState {
    this.passTime();
    this.#startChanging(item);
    return this.#record(item, this.#options.clock.now(), { event: 'set', known: true, ...market });
  }

  /** Makes an ASIN invalid from now on. Its history stays. */
  forget(item: LivingItem): ItemState {
    this.passTime();
    this.#stopChanging(item);
    const gone = { status: 'ClientError', listPrice: null, competitivePriceThreshold: null, offers: [] };
    return this.#record(item, this.#options.clock.now(), { event: 'deleted', known: false, ...gone });
  }

  /** Changes the tempo from now on; undefined is the default one. */
  setTempo(tempo: number | undefined): void {
    this.passTime();
    this.#tempo = tempo;
    this.#scheduleAfter(this.#options.clock.now());
  }

  /** Lets everything happen that has fallen due. */
  passTime(): void {
    const now = this.#options.clock.now();
    while (this.#nextChangeAt <= now) {
      const at = this.#nextChangeAt;
      this.#step(this.#schedule.pick(this.#changing), at);
      this.#scheduleAfter(at);
    }
  }

  #step(item: LivingItem, at: number): ItemState {
    const before = currentState(item);
    if (!before.known) return before;
    const random = createRandom(this.#options.seed, item.marketplaceId, item.asin, before.step + 1);
    const { event, market } = nextMarket(marketOf(before), item.nature, random);
    return this.#record(item, at, { event, known: true, ...decideBuyBox(market, item.marketplaceId) });
  }

  #record(item: LivingItem, at: number, change: Omit<ItemState, 'step' | 'at'>): ItemState {
    const before = currentState(item);
    const state: ItemState = { step: before.step + 1, at, ...change };
    item.states.push(state);
    this.#revision += 1;
    this.#options.onChange?.(item, before, state);
    return state;
  }

  #startChanging(item: LivingItem): void {
    if (item.position >= 0) return;
    item.position = this.#changing.push(item) - 1;
    this.#scheduleAfter(this.#options.clock.now());
  }

  #stopChanging(item: LivingItem): void {
    const last = this.#changing.at(-1);
    if (item.position < 0 || !last) return;
    this.#changing[item.position] = last;
    last.position = item.position;
    this.#changing.pop();
    item.position = -1;
    this.#scheduleAfter(this.#options.clock.now());
  }

  /** Draws the next change anew. A Poisson process has no memory, so doing so early does not bend the tempo. */
  #scheduleAfter(time: number): void {
    const items = this.#changing.length;
    const perMinute = this.#tempo ?? items * DEFAULT_CHANGES_PER_ITEM;
    const isFrozen = items === 0 || perMinute === 0;
    this.#nextChangeAt = isFrozen ? Number.POSITIVE_INFINITY : time + this.#schedule.exponential(60_000 / perMinute);
  }
}

export function currentState(item: LivingItem): ItemState {
  const state = item.states.at(-1);
  if (!state) throw new Error('An item has at least the state it was born with.');
  return state;
}

function marketOf({ status, listPrice, competitivePriceThreshold, offers }: ItemState): Market {
  return { status, listPrice, competitivePriceThreshold, offers };
}

function resumed(saved: SavedItem): ItemState {
  return { ...saved, event: 'resumed' };
}

function keyOf({ marketplaceId, asin }: ItemId): string {
  return `${marketplaceId}\u0000${asin}`;
}

function listingKey(account: string, marketplaceId: string, sku: string): string {
  return `${account}\u0000${marketplaceId}\u0000${sku}`;
}
