import type { SkuItem } from '../../../lambdas/shared/sku-items.ts';
import type { GrantMessage } from '../../../lambdas/entitlements/grant-queue.ts';

export interface AmazonClaim {
  readonly entitlementId: string;
  readonly account: string;
  readonly sku: string;
  /** The player that it was reported for. */
  fulfilledFor: string | undefined;
  isRevoked: boolean;
}

/** Prime Gaming and Login with Amazon, as far as they have a state. */
export class Amazon {
  readonly claims: AmazonClaim[] = [];
  /** How often the tokens of all accounts have expired. */
  generation = 0;
  /** Called with each report that has an effect, just before it. */
  readonly #onReport: (claim: AmazonClaim, playerId: string) => void;

  constructor(onReport: (claim: AmazonClaim, playerId: string) => void) {
    this.#onReport = onReport;
  }

  claim(account: string, entitlementId: string, sku: string): void {
    this.claims.push({ entitlementId, account, sku, fulfilledFor: undefined, isRevoked: false });
  }

  tokenOf(account: string): string {
    return `token-of-${account}-${this.generation}`;
  }

  /** The account whose token it is; undefined where it is none, or none any more. */
  accountOf(token: string): string | undefined {
    const [, account, generation] = /^token-of-(.+)-(\d+)$/u.exec(token) ?? [];
    return Number(generation) === this.generation ? account : undefined;
  }

  open(account: string): AmazonClaim[] {
    return this.claims.filter((one) => one.account === account && isOpen(one));
  }

  /** @returns whether Amazon acknowledges it: what is no longer open is an ERROR */
  report(account: string, entitlementId: string, playerId: string): boolean {
    const claim = this.open(account).find((one) => one.entitlementId === entitlementId);
    if (!claim) return false;
    this.#onReport(claim, playerId);
    claim.fulfilledFor = playerId;
    return true;
  }
}

export const isOpen = ({ fulfilledFor, isRevoked }: AmazonClaim): boolean => fulfilledFor === undefined && !isRevoked;

/** A grant as a game's backend gets it. */
export interface AskedGrant {
  readonly grantId: string;
  readonly playerId: string;
  readonly sku: string;
  readonly items: readonly SkuItem[];
}

/** The backend of a game: gives a grant once, and keeps what it has given. */
export class Game {
  readonly grants = new Map<string, { readonly asked: string; readonly grant: AskedGrant }>();
  readonly #onReuse: (grantId: string) => void;

  constructor(onReuse: (grantId: string) => void) {
    this.#onReuse = onReuse;
  }

  give(grant: AskedGrant): void {
    const { grantId, playerId, sku, items } = grant;
    const asked = JSON.stringify([playerId, sku, items]);
    const known = this.grants.get(grantId);
    if (known === undefined) this.grants.set(grantId, { asked, grant });
    else if (known.asked !== asked) this.#onReuse(grantId);
  }
}

interface Message {
  readonly messageId: string;
  readonly message: GrantMessage;
  visibleAt: number;
  received: number;
}

/** The queue of grants, with its dead-letter queue: at least once, in any order. */
export class Queue {
  messages: Message[] = [];
  deadLetters: GrantMessage[] = [];
  /** Epoch milliseconds. */
  readonly #now: () => number;
  #count = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  send(messages: readonly GrantMessage[], delaySeconds: number): void {
    for (const message of messages) {
      const messageId = `m${(this.#count += 1)}`;
      this.messages.push({ messageId, message, visibleAt: this.#now() + delaySeconds * 1_000, received: 0 });
    }
  }

  hasVisible(): boolean {
    return this.messages.some(({ visibleAt }) => visibleAt <= this.#now());
  }

  /** Up to ten messages, which come again after the visibility time-out. */
  receive(visibilityMs: number): Message[] {
    const batch = this.messages.filter(({ visibleAt }) => visibleAt <= this.#now()).slice(0, 10);
    for (const message of batch) {
      message.received += 1;
      message.visibleAt = this.#now() + visibilityMs;
    }
    return batch;
  }

  postpone(messageId: string, seconds: number): void {
    const message = this.messages.find((one) => one.messageId === messageId);
    if (message) message.visibleAt = this.#now() + seconds * 1_000;
  }

  remove(messageIds: readonly string[]): void {
    this.messages = this.messages.filter(({ messageId }) => !messageIds.includes(messageId));
  }

  /** What an operator does in the end. */
  redrive(): void {
    this.send(this.deadLetters.splice(0), 0);
  }
}
