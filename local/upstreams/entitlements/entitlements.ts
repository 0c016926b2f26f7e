import type { Clock } from '../clock.ts';
import type { ControlRoute } from '../control-server.ts';
import type { FaultRules } from '../fault-rules.ts';
import { LogNormalLatency } from '../latency.ts';
import type { RequestLog } from '../request-log.ts';
import type { TlsRequest } from '../tls-server.ts';
import { AmazonAccounts, type AmazonAccount } from './amazon-accounts.ts';
import { ClaimLedger, type Claim, type Report } from './claim-ledger.ts';
import { AmazonAccountOptions, type ClaimOptions, type TokenOptions } from './entitlement-options.ts';
import { createEntitlementsApi } from './entitlements-api.ts';
import { entitlementsControl } from './entitlements-control.ts';
import { PlayerTokens } from './player-tokens.ts';
import { loadClaims, saveClaims } from './saved-claims.ts';

export interface EntitlementsOptions {
  /** Accounts with properties of their own; others come to be with their first token or claim. @default none */
  accounts?: readonly AmazonAccountOptions[];
  /** What players have claimed. One that has an identifier and was there in an earlier run goes on as it was. @default none */
  claims?: readonly ClaimOptions[];
  /** Latency of every request. @default none */
  latency?: LogNormalLatency;
  /** Where accounts and claims are kept, so that the next run with this seed goes on with them. @default nowhere */
  stateFile?: string;
  /** Port of the HTTPS API. @default a free one */
  port?: number;
}

export interface EntitlementsParts {
  seed: number;
  clock: Clock;
  faults: FaultRules;
  requests: RequestLog;
}

/** The simulated endpoints of Prime Gaming and the profile of Login with Amazon, without their server. */
export interface Entitlements {
  handle(request: TlsRequest): Promise<void>;
  controls: ControlRoute[];
  addAccount(options: AmazonAccountOptions): AmazonAccount;
  issueToken(options: TokenOptions): string;
  claim(options: ClaimOptions): string;
  revoke(entitlementId: string): void;
  openClaims(account: string): Claim[];
  reports(): Report[];
  save(): Promise<void>;
}

/** Opens accounts and claims. Throws for options that cannot be right. */
export function openEntitlements(
  options: EntitlementsOptions,
  { seed, clock, faults, requests }: EntitlementsParts,
): Entitlements {
  const { stateFile } = options;
  const latency = options.latency && LogNormalLatency.parse(options.latency);
  const now = (): number => clock.now();
  const saved = stateFile === undefined ? undefined : loadClaims(stateFile, seed);
  const accounts = new AmazonAccounts(seed);
  for (const account of saved?.accounts ?? []) accounts.set(account);
  const ledger = new ClaimLedger(accounts, now, saved?.claims);
  const tokens = new PlayerTokens(now);
  const revision = (): number => accounts.revision + ledger.revision;
  let savedRevision = revision();
  const given = new Set<string>();
  for (const option of options.accounts ?? []) {
    if (given.has(option.account)) throw new Error(`The account "${option.account}" is listed twice.`);
    given.add(option.account);
    accounts.set(AmazonAccountOptions.parse(option));
  }
  const lived = new Set(saved?.claims.map(({ entitlementId }) => entitlementId));
  for (const claim of options.claims ?? []) {
    if (claim.entitlementId === undefined || !lived.has(claim.entitlementId)) ledger.claim(claim);
  }

  return {
    handle: createEntitlementsApi({ seed, clock, accounts, tokens, ledger, faults, requests, latency }),
    controls: entitlementsControl({ accounts, tokens, ledger }),
    addAccount: (account) => accounts.set(AmazonAccountOptions.parse(account)),
    issueToken: (wanted) => {
      const token = tokens.issue(wanted);
      accounts.require(wanted.account);
      return token;
    },
    claim: (wanted) => ledger.claim(wanted),
    revoke: (entitlementId) => {
      if (!ledger.revoke(entitlementId)) throw new Error(`There is no open claim "${entitlementId}".`);
    },
    openClaims: (account) => ledger.open(account),
    reports: () => ledger.reports(),
    save: async () => {
      if (stateFile === undefined || savedRevision === revision()) return;
      savedRevision = revision();
      await saveClaims(stateFile, { seed, accounts: accounts.all(), claims: ledger.all() });
    },
  };
}
