import type { CodeTerms, Deal, Weekday } from './offer-code-options.ts';

/**
 * What a code is worth at a moment: only a `valid` one gives the benefit. `denied` answers a message that was set for it,
 * `unknown` was taken away.
 */
export type CodeState = 'valid' | 'used' | 'expired' | 'limit-reached' | 'inactive' | 'denied' | 'unknown';

export interface Redemption {
  /** When it took effect, in milliseconds since the epoch. */
  readonly at: number;
  /** `x-amz-offer-code-redemption-time` as the client gave it, such as `20260501T1030Z`. */
  readonly redemptionTime?: string;
}

/** What is true of a code. */
export interface OfferCodeTruth {
  readonly benefit: string;
  readonly code: string;
  /** Now, for a customer in UTC. */
  readonly state: CodeState;
  /** Oldest first. */
  readonly redemptions: readonly Redemption[];
  /** How often it was asked about, whatever the answer. */
  readonly verifications: number;
}

/** What a client may learn of a code, or do with it. */
export interface CodeUse {
  readonly benefit: string;
  readonly code: string;
  /** The customer's: decides which weekday it is. */
  readonly timeZone: string;
}

/** `x-amz-offer-code-redemption-time`, and the moment that it means. */
export interface RedemptionTime {
  readonly text: string;
  readonly at: number;
}

export interface SavedCode {
  readonly benefit: string;
  readonly code: string;
  readonly redemptions: readonly Redemption[];
  readonly verifications: number;
}

interface Code {
  readonly benefit: string;
  readonly code: string;
  terms: Omit<CodeTerms, 'redeemed'> | undefined;
  redemptions: Redemption[];
  verifications: number;
}

const MESSAGES = {
  valid: 'SUCCESS',
  used: 'INVALID_OFFER_CODE',
  expired: 'INVALID_OFFER_CODE',
  unknown: 'INVALID_OFFER_CODE',
  'limit-reached': 'FAILURE:DENIED:EXCEEDED_USAGE_LIMIT',
  inactive: 'FAILURE:DENIED:DEAL_INACTIVE',
} as const;

/**
 * The codes of every benefit, and what became of them. Judges a code as the document words it: one that is unknown, has
 * expired or is used up is invalid; a usage limit and a day without the deal are denials. To verify changes nothing.
 */
export class OfferCodeLedger {
  readonly #benefits = new Map<string, Deal>();
  readonly #codes = new Map<string, Code>();
  readonly #now: () => number;
  /** Lives of codes that have not been added again yet. */
  readonly #saved: Map<string, SavedCode>;
  /** Counts what a saved ledger would have to hold. */
  #revision = 0;

  constructor(now: () => number, saved: readonly SavedCode[] = []) {
    this.#now = now;
    this.#saved = new Map(saved.map((code) => [keyOf(code.benefit, code.code), code]));
  }

  get revision(): number {
    return this.#revision;
  }

  benefit(id: string): Deal | undefined {
    return this.#benefits.get(id);
  }

  /** Adds a benefit, or gives one other terms. */
  setBenefit(id: string, deal: Deal): void {
    this.#benefits.set(id, deal);
  }

  /**
   * Adds a code, which goes on with its saved life where it has one; answers whether it is new.
   *
   * @throws Error for a benefit that is not there
   */
  add(benefit: string, code: string, terms: CodeTerms): boolean {
    const key = keyOf(benefit, code);
    if (this.#codes.get(key)?.terms !== undefined) return false;
    const saved = this.#saved.get(key);
    this.set(benefit, code, terms);
    if (saved) Object.assign(this.#codes.get(key)!, { ...saved, redemptions: [...saved.redemptions] });
    return true;
  }

  /**
   * Gives a code a new life with these terms, whatever it was before.
   *
   * @throws Error for a benefit that is not there
   */
  set(benefit: string, code: string, { redeemed, ...terms }: CodeTerms): void {
    if (!this.#benefits.has(benefit)) throw new Error(`There is no benefit "${benefit}".`);
    const key = keyOf(benefit, code);
    const at = this.#now();
    const redemptions = Array.from({ length: redeemed }, () => ({ at }));
    this.#saved.delete(key);
    this.#codes.set(key, { benefit, code, terms, redemptions, verifications: 0 });
    this.#revision += 1;
  }

  /** Makes a code unknown; what became of it before stays true. Answers false where there is no such code. */
  forget(benefit: string, code: string): boolean {
    const found = this.#codes.get(keyOf(benefit, code));
    if (!found) return false;
    found.terms = undefined;
    return true;
  }

  /**
   * The message that a request answers, without any trace of it.
   *
   * @param at the moment that the code is judged for, in milliseconds since the epoch
   */
  judge({ benefit, code, timeZone }: CodeUse, at = this.#now()): string {
    const found = this.#codes.get(keyOf(benefit, code));
    const state = found ? this.#stateOf(found, at, timeZone) : 'unknown';
    return state === 'denied' ? (found?.terms?.message ?? '') : MESSAGES[state];
  }

  /** Answers the message, and counts that the code was asked about. */
  verify(use: CodeUse): string {
    const found = this.#codes.get(keyOf(use.benefit, use.code));
    if (found) {
      found.verifications += 1;
      this.#revision += 1;
    }
    return this.judge(use);
  }

  /**
   * Redeems a code that gives its benefit, and answers the message. There is no memory of requests: whoever asks twice
   * redeems twice, or is told that a code of single use is invalid.
   *
   * @param redemption time that the client gave, if it did. The document does not say what it is for; here it decides
   *   whether the code had expired and which weekday it was, so that what is reported late counts as of then.
   */
  redeem(use: CodeUse, redemption?: RedemptionTime): string {
    const message = this.judge(use, redemption?.at);
    const found = this.#codes.get(keyOf(use.benefit, use.code));
    if (found && message === MESSAGES.valid) {
      found.redemptions.push({ at: this.#now(), ...(redemption && { redemptionTime: redemption.text }) });
      this.#revision += 1;
    }
    return message;
  }

  truth(benefit: string, code: string): OfferCodeTruth | undefined {
    const found = this.#codes.get(keyOf(benefit, code));
    return found && this.#truthOf(found);
  }

  /** Of every code that ever was. */
  truths(): OfferCodeTruth[] {
    return [...this.#codes.values()].map((code) => this.#truthOf(code));
  }

  /** The codes that have had a life, in this run or before it. */
  save(): SavedCode[] {
    const lived = [...this.#codes.values()]
      .filter(({ redemptions, verifications }) => redemptions.length + verifications > 0)
      .map(({ benefit, code, redemptions, verifications }) => ({ benefit, code, redemptions, verifications }));
    return [...this.#saved.values(), ...lived];
  }

  #truthOf(found: Code): OfferCodeTruth {
    const { benefit, code, redemptions, verifications } = found;
    const state = this.#stateOf(found, this.#now(), 'UTC');
    return { benefit, code, state, redemptions: [...redemptions], verifications };
  }

  #stateOf({ benefit, terms, redemptions }: Code, at: number, timeZone: string): CodeState {
    const deal = this.#benefits.get(benefit);
    if (!deal || !terms) return 'unknown';
    if (terms.message !== undefined) return 'denied';
    if (terms.expiresAt !== undefined && at >= terms.expiresAt) return 'expired';
    if (deal.use === 'single' && redemptions.length > 0) return 'used';
    if (deal.usageLimit !== undefined && redemptions.length >= deal.usageLimit) return 'limit-reached';
    const weekdays = terms.activeWeekdays ?? deal.activeWeekdays;
    return !weekdays || weekdays.includes(weekdayOf(at, timeZone)) ? 'valid' : 'inactive';
  }
}

function weekdayOf(at: number, timeZone: string): Weekday {
  return new Intl.DateTimeFormat('en-US', { weekday: 'long', timeZone }).format(at) as Weekday;
}

function keyOf(benefit: string, code: string): string {
  return JSON.stringify([benefit, code]);
}
