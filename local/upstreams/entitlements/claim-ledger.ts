import { randomUUID } from 'node:crypto';
import type { AmazonAccounts } from './amazon-accounts.ts';
import { ClaimOptions } from './entitlement-options.ts';

/** An open claim is listed; one that is fulfilled or revoked is not, and never will be again. */
export type ClaimState = 'open' | 'fulfilled' | 'revoked';

/** A player's claim to an offer, which Amazon calls an entitlement. */
export interface Claim {
  readonly entitlementId: string;
  readonly account: string;
  /** VendorProductId. */
  readonly sku: string;
  /** NextInstruction. */
  readonly instruction: string;
  readonly state: ClaimState;
  /** Only of a fulfilled one: FulfillmentAddress of the report, and when it came, in milliseconds since the epoch. */
  readonly fulfilled?: { readonly address: string; readonly at: number };
}

/** One item of the body of a report. */
export interface FulfillmentUpdate {
  readonly EntitlementId: string;
  readonly LastInstruction?: string | undefined;
  readonly FulfillmentAddress?: string | undefined;
}

/** What came of one item of a report, whatever the client was answered. */
export interface Report {
  /** Counts from 1. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Whose token the report came with. */
  readonly account: string;
  readonly entitlementId: string;
  readonly lastInstruction: string | null;
  readonly fulfillmentAddress: string | null;
  /** What Amazon made of it. */
  readonly result: 'SUCCESS' | 'ERROR';
  /** Whether it has fulfilled the claim: a SUCCESS that a fault took away has not. */
  readonly applied: boolean;
}

/** Every claim of every account, and every report about one. Judges reports as the document words it. */
export class ClaimLedger {
  readonly #accounts: AmazonAccounts;
  readonly #now: () => number;
  readonly #claims = new Map<string, Claim>();
  /** Identifiers of the open claims of each account, oldest first. */
  readonly #open = new Map<string, Set<string>>();
  readonly #reports: Report[] = [];
  /** Counts what a saved ledger would have to hold. */
  #revision = 0;

  /**
   * @param now milliseconds since the epoch
   * @param saved claims of an earlier run
   */
  constructor(accounts: AmazonAccounts, now: () => number, saved: readonly Claim[] = []) {
    this.#accounts = accounts;
    this.#now = now;
    for (const claim of saved) this.#put(claim);
  }

  get revision(): number {
    return this.#revision;
  }

  find(entitlementId: string): Claim | undefined {
    return this.#claims.get(entitlementId);
  }

  /** Every claim that ever was. */
  all(): Claim[] {
    return [...this.#claims.values()];
  }

  /** What an account is listed, oldest first. */
  open(account: string): Claim[] {
    return [...(this.#open.get(account) ?? [])].map((id) => this.#claims.get(id)!);
  }

  /**
   * A player claims an offer; answers the identifier. One that was revoked can be claimed again, by any account.
   *
   * @throws Error where there is an open or fulfilled claim of this identifier
   * @throws ZodError for options that cannot be right
   */
  claim(options: ClaimOptions): string {
    const { account, sku, entitlementId = randomUUID(), instruction } = ClaimOptions.parse(options);
    const before = this.#claims.get(entitlementId);
    if (before && before.state !== 'revoked') throw new Error(`There is a claim "${entitlementId}" already.`);
    this.#accounts.require(account);
    this.#put({ entitlementId, account, sku, instruction, state: 'open' });
    return entitlementId;
  }

  /** Takes an open claim back. Answers false where there is none of this identifier. */
  revoke(entitlementId: string): boolean {
    const claim = this.#claims.get(entitlementId);
    if (claim?.state !== 'open') return false;
    this.#put({ ...claim, state: 'revoked' });
    return true;
  }

  /**
   * Takes one item of a report, and answers what Amazon makes of it. There is no memory of requests: what is fulfilled
   * cannot be fulfilled again.
   *
   * @param account whose token the report comes with
   * @param applies false leaves everything as it is, as if the report had come to nothing behind the judgement
   */
  report(account: string, update: FulfillmentUpdate, applies: boolean): Report['result'] {
    const { EntitlementId: entitlementId, LastInstruction, FulfillmentAddress: address } = update;
    const claim = this.#claims.get(entitlementId);
    const isRight =
      claim?.state === 'open' && claim.account === account && LastInstruction === 'FULFILL' && isAddress(address);
    const at = this.#now();
    this.#reports.push({
      number: this.#reports.length + 1,
      at,
      account,
      entitlementId,
      lastInstruction: LastInstruction ?? null,
      fulfillmentAddress: address ?? null,
      result: isRight ? 'SUCCESS' : 'ERROR',
      applied: isRight && applies,
    });
    if (isRight && applies) this.#put({ ...claim, state: 'fulfilled', fulfilled: { address, at } });
    return isRight ? 'SUCCESS' : 'ERROR';
  }

  /** Every item of every report of this run, oldest first. */
  reports(): Report[] {
    return [...this.#reports];
  }

  #put(claim: Claim): void {
    const { account, entitlementId, state } = claim;
    let open = this.#open.get(account);
    if (!open) this.#open.set(account, (open = new Set()));
    if (state === 'open') open.add(entitlementId);
    else open.delete(entitlementId);
    this.#claims.set(entitlementId, claim);
    this.#revision += 1;
  }
}

/** An address that is neither empty nor looks like an e-mail address. */
function isAddress(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '' && !text.includes('@');
}
