import type { RecordedChange } from '../change-events/changes.store.ts';
import type { RecordSightingParts } from '../change-events/record-sighting.ts';
import { recordSighting } from '../change-events/record-sighting.ts';
import { RejectedError, ThrottledError, UnavailableError, UpstreamError } from '../shared/errors.ts';
import { Disappearance } from '../shared/laps/disappearance.ts';
import type { PackedBucket } from '../shared/laps/packing.ts';
import { classOf, invalidLapOf, lapOf } from '../shared/laps/slice.ts';
import type { Checks, Visit } from '../shared/laps/slice-runner.ts';
import type { Bucket, Slot } from '../shared/pacer/pacer.ts';
import type { PriceWatch } from '../shared/watches.ts';
import { parsePriceWatchId } from '../shared/watches.ts';
import type { WatchHead } from '../shared/watches.store.ts';
import type { AskedPrices, PriceAnswer } from './ask-prices.ts';
import { comparePrices, lostParts } from './compare-prices.ts';
import type { PriceChange } from './price-changes.ts';
import { announcePriceEvents } from './price-events.ts';
import { PRICE_ITEM, pricesAfter, type PriceReading, type Prices } from './prices.ts';
import { readPrice } from './read-price.ts';

export interface CheckPricesParts extends RecordSightingParts<Prices> {
  /** The bucket that serves a watch, or undefined where the settings do not name its account with its marketplace. */
  readonly bucketOf: (watch: PriceWatch) => string | undefined;
  /** The account's own seller identifier, where the settings tell it. */
  readonly sellerOf: (account: string) => string | undefined;
  /** Asks about compatible watches of one bucket in one request. */
  readonly ask: (
    bucket: PackedBucket,
    watches: ReadonlyMap<string, PriceWatch>,
    onLeft: () => void,
  ) => Promise<AskedPrices>;
  /** Fetches an account's access token, or finds it in memory. */
  readonly ready: (bucket: Bucket) => Promise<void>;
  readonly onDrift: (watchId: string, drift: readonly string[]) => void;
  /** Hears of a request for several watches that was refused as a whole. */
  readonly onRefusal: (error: RejectedError, watches: number) => void;
}

/** How long a watch waits that Amazon calls active but too soon for processing, within bounds. */
const SOONEST_MS = 60_000;
const LATEST_MS = 6 * 3_600_000;

/** What one answer belongs to. */
interface Sighting {
  readonly watch: PriceWatch;
  readonly sentAt: number;
  readonly correlationId: string;
}

/** A watch that its upstream refuses for good. */
interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** Checks of prices at SP-API Product Pricing: up to twenty watches a request. */
export function priceChecks(parts: CheckPricesParts, timeoutMs: number): Checks<Prices> {
  const disappearance = new Disappearance();
  return {
    timeoutMs,
    ready: parts.ready,
    check: (bucket, heads, slot, correlationId) =>
      new PriceCheck(parts, disappearance, bucket, correlationId).visit(heads, slot),
  };
}

/** One request about prices, and what follows from it for each of its watches. */
class PriceCheck {
  readonly #parts: CheckPricesParts;
  readonly #disappearance: Disappearance;
  readonly #bucket: PackedBucket;
  readonly #correlationId: string;

  constructor(parts: CheckPricesParts, disappearance: Disappearance, bucket: PackedBucket, correlationId: string) {
    this.#parts = parts;
    this.#disappearance = disappearance;
    this.#bucket = bucket;
    this.#correlationId = correlationId;
  }

  async visit(heads: readonly WatchHead<Prices>[], slot: Slot): Promise<Map<string, Visit>> {
    const visits = new Map<string, Visit>();
    const asked: { head: WatchHead<Prices>; watch: PriceWatch }[] = [];
    for (const head of heads) {
      const watch = parsePriceWatchId(head.watchId);
      const bucketId = this.#parts.bucketOf(watch);
      if (bucketId === head.bucketId) asked.push({ head, watch });
      else visits.set(head.watchId, movedTo(bucketId, watch));
    }
    if (asked.length === 0) return visits;
    const startedAt = this.#parts.clock.now();
    const result = await this.#ask(asked, slot);
    if (result instanceof UpstreamError) {
      for (const [watchId, visit] of await this.#refused(asked, result, startedAt)) visits.set(watchId, visit);
      return visits;
    }
    const { answers, sentAt, drift = [] } = result;
    if (drift.length > 0) this.#parts.onDrift(asked[0]?.head.watchId ?? '', drift);
    await Promise.all(
      asked.map(async ({ head, watch }) => {
        const answer = answers.get(head.watchId) ?? { kind: 'failed', error: MISSING };
        const sighting = { watch, sentAt, correlationId: this.#correlationId };
        visits.set(head.watchId, await this.#see(head, sighting, answer));
      }),
    );
    return visits;
  }

  /** Sends the request in its slot and frees the slot as soon as the answer is there, or what came instead of one. */
  async #ask(
    asked: readonly { head: WatchHead<Prices>; watch: PriceWatch }[],
    slot: Slot,
  ): Promise<AskedPrices | UpstreamError> {
    try {
      const watches = new Map(asked.map(({ head, watch }) => [head.watchId, watch]));
      const result = await this.#parts.ask(this.#bucket, watches, () => slot.left());
      slot.answered({ throttled: false, granted: result.rateLimit });
      return result;
    } catch (error) {
      slot.answered({ throttled: error instanceof ThrottledError });
      const refused = asRefusal(error);
      if (refused instanceof UpstreamError) return refused;
      throw error;
    }
  }

  /**
   * A refused request condemns none of its watches but those it names: the others are asked about again, in smaller
   * requests where it names none, until the one at fault is alone.
   */
  async #refused(
    asked: readonly { head: WatchHead<Prices>; watch: PriceWatch }[],
    error: UpstreamError,
    startedAt: number,
  ): Promise<Map<string, Visit>> {
    const visits = new Map<string, Visit>();
    const isRefusal = error instanceof RejectedError;
    const named = isRefusal ? asked.filter(({ watch }) => names(error.said, watch.item)) : [];
    const isAlone = asked.length === 1;
    if (isRefusal && !isAlone) this.#parts.onRefusal(error, asked.length);
    for (const { head, watch } of asked) {
      const isNamed = named.some(({ head: { watchId } }) => watchId === head.watchId);
      if (isRefusal && (isNamed || (isAlone && this.#isRefusedForGood(head, error)))) {
        const sighting = { watch, sentAt: startedAt, correlationId: this.#correlationId };
        visits.set(head.watchId, await this.#seeRefused(head, sighting, error));
      } else if (isRefusal && !isAlone) {
        const pack = named.length > 0 ? this.#bucket.pack : Math.ceil(asked.length / 2);
        visits.set(head.watchId, { kind: 'doubtful', pack });
      } else {
        visits.set(head.watchId, { kind: 'failed', error });
      }
    }
    return visits;
  }

  /** Whether a watch was refused alone before, with another item of its bucket found since. */
  #isRefusedForGood(head: WatchHead<Prices>, error: RejectedError): boolean {
    const { problem } = head;
    return problem?.code === error.code && this.#disappearance.foundOther(head, Date.parse(problem.since));
  }

  async #see(head: WatchHead<Prices>, sighting: Sighting, answer: PriceAnswer): Promise<Visit> {
    if (answer.kind === 'failed') {
      const { error } = answer;
      return error instanceof RejectedError ? this.#seeRefused(head, sighting, error) : { kind: 'failed', error };
    }
    const { watch } = sighting;
    const outcome = readPrice(answer, watch, { sellerId: this.#parts.sellerOf(watch.account) });
    const read = outcome.kind === 'price' ? outcome.reading.drift : [];
    const drift = new Set([...answer.drift, ...read]);
    if (drift.size > 0) this.#parts.onDrift(head.watchId, [...drift]);
    switch (outcome.kind) {
      case 'refused':
        return this.#seeRefused(head, sighting, outcome);
      case 'early':
        return { kind: 'early', until: this.#waitUntil(outcome.until) };
      case 'failed':
        return outcome;
      case 'price':
        this.#disappearance.found(head, this.#parts.clock.now());
        return this.#seePrice(head, sighting, outcome.reading);
    }
  }

  #waitUntil(until: number | undefined): number {
    const now = this.#parts.clock.now();
    return Math.min(now + LATEST_MS, Math.max(now + SOONEST_MS, until ?? 0));
  }

  /** Compares what was seen with the head, and records it if that is a change. What is missing is looked at twice. */
  #seePrice(first: WatchHead<Prices>, sighting: Sighting, reading: PriceReading): Promise<Visit> {
    return recordSighting(this.#parts, first, sighting.sentAt, (head) => {
      const before = head.state ?? null;
      const after = pricesAfter(before, reading);
      const changes = comparePrices(before, after, head.tuning ?? {});
      if (changes.length === 0 && head.version > 0) return { kind: 'unchanged' };
      const price = before?.price;
      const missingParts = price ? lostParts(price, after.price) : [];
      // Other parts than last time are missing for the first time.
      if (missingParts.some((part) => head.missingParts?.includes(part) !== true)) {
        return { kind: 'vanished', since: sighting.sentAt, missingParts };
      }
      return this.#change(head, sighting, { after, changes, lap: lapOf(head.bucketId, 'steady') });
    });
  }

  /** Marks a watch as invalid, so that no request is spent on it; a price that was there is missed twice before. */
  #seeRefused(first: WatchHead<Prices>, sighting: Sighting, refusal: Refusal): Promise<Visit> {
    const { code, message } = refusal;
    return recordSighting(this.#parts, first, sighting.sentAt, (head) => {
      if (classOf(head.lap ?? '') === 'invalid') return { kind: 'invalid' };
      if (head.state?.price && !this.#disappearance.isGone(head, sighting.sentAt)) {
        return { kind: 'vanished', since: head.missingSince ?? sighting.sentAt };
      }
      const since = new Date(this.#parts.clock.now()).toISOString();
      return {
        ...this.#change(head, sighting, {
          after: {},
          changes: [{ change: 'watchInvalid', code, message }],
          lap: invalidLapOf(head.bucketId),
        }),
        problem: { code, message, since },
      };
    });
  }

  #change(
    head: WatchHead<Prices>,
    { watch, sentAt, correlationId }: Sighting,
    { after, changes, lap }: { after: Prices; changes: readonly PriceChange[]; lap: string },
  ): RecordedChange {
    const path = watch.itemType === 'sku' ? `skus/${encodeURIComponent(watch.item)}` : encodeURIComponent(watch.item);
    return {
      watchId: head.watchId,
      seenVersion: head.version,
      seenObservedAt: head.observedAt,
      bucketId: head.bucketId,
      lap,
      after: { ...after },
      changes: changes.length === 0 ? {} : { [PRICE_ITEM]: changes },
      events: announcePriceEvents({ watch, before: head.state ?? null, after, changes }),
      historyPath: `/v1/prices/${encodeURIComponent(watch.marketplaceId)}/${path}/history?${selector(watch)}`,
      correlationId,
      sentAt,
      now: this.#parts.clock.now(),
    };
  }
}

const MISSING = new UnavailableError('MissingItem', 'the answer says nothing about the item');

function movedTo(bucketId: string | undefined, { account, marketplaceId }: PriceWatch): Visit {
  if (bucketId !== undefined) return { kind: 'moved', bucketId };
  const message = `the settings name no selling account ${account} with the marketplace ${marketplaceId}`;
  return { kind: 'failed', error: new RejectedError('UnknownAccount', message) };
}

/** What the API cannot be asked, such as a SKU with a comma in a list, counts as what it would refuse. */
function asRefusal(error: unknown): unknown {
  return error instanceof RangeError
    ? new RejectedError('InvalidRequest', error.message, { said: error.message })
    : error;
}

/**
 * Whether words name an item: in quotes, or as a word of its own. What might be an ordinary word or a status is not taken
 * for a name: one without quotes has a digit and four characters at least.
 */
function names(said: string, item: string): boolean {
  if (said.includes(JSON.stringify(item))) return true;
  if (item.length < 4 || !/\d/u.test(item)) return false;
  const isWord = (character: string | undefined): boolean =>
    character !== undefined && /[\p{L}\p{N}_-]/u.test(character);
  for (let at = said.indexOf(item); at !== -1; at = said.indexOf(item, at + 1)) {
    if (!isWord(said[at - 1]) && !isWord(said[at + item.length])) return true;
  }
  return false;
}

/** Which of an item's watches a history is of. */
function selector({ account, view, condition, customerType }: PriceWatch): string {
  return new URLSearchParams({ account, view, condition, customerType }).toString();
}
