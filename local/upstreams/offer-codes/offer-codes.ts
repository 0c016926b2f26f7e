import type { Clock } from '../clock.ts';
import type { ControlRoute } from '../control-server.ts';
import type { FaultRules } from '../fault-rules.ts';
import { LogNormalLatency } from '../latency.ts';
import type { RequestLog } from '../request-log.ts';
import type { TlsRequest } from '../tls-server.ts';
import { OfferCodeLedger, type OfferCodeTruth } from './offer-code-ledger.ts';
import { CodeOptions, Deal, type BenefitOptions } from './offer-code-options.ts';
import { createOfferCodesApi } from './offer-codes-api.ts';
import { offerCodesControl } from './offer-codes-control.ts';
import { loadOfferCodes, saveOfferCodes } from './saved-offer-codes.ts';
import { SigningKeys, type FindSigningKey, type SigningCredentials } from './signing-keys.ts';

export interface OfferCodesOptions {
  benefits: readonly BenefitOptions[];
  /** @default none */
  codes?: readonly CodeOptions[];
  /** The region that requests of each marketplace are signed for. @default US: us-east-1, IN: eu-west-1 */
  regions?: Readonly<Record<string, string>>;
  /** What a client of the simulator alone signs with. @default made anew at every start */
  credentials?: SigningCredentials;
  /** Vouches for other access keys; `onSigningKey` can set it later. @default there are none */
  signingKey?: FindSigningKey;
  /** Latency of every request. @default none */
  latency?: LogNormalLatency;
  /** Where the lives of codes are kept, so that the next run with this seed goes on with them. @default nowhere */
  stateFile?: string;
  /** Port of the HTTPS API. @default a free one */
  port?: number;
}

export interface OfferCodesParts {
  seed: number;
  clock: Clock;
  faults: FaultRules;
  requests: RequestLog;
}

/** The simulated API for offer codes, without its server. */
export interface OfferCodes {
  handle(request: TlsRequest): Promise<void>;
  controls: ControlRoute[];
  readonly credentials: SigningCredentials;
  onSigningKey(find: FindSigningKey): void;
  /** Throws for a code that never was. */
  truth(benefit: string, code: string): OfferCodeTruth;
  save(): Promise<void>;
}

const REGIONS = { US: 'us-east-1', IN: 'eu-west-1' };

/** Opens benefits and codes. Throws for options that cannot be right. */
export function openOfferCodes(
  options: OfferCodesOptions,
  { seed, clock, faults, requests }: OfferCodesParts,
): OfferCodes {
  const { stateFile } = options;
  const regions = new Map(Object.entries(options.regions ?? REGIONS));
  const latency = options.latency && LogNormalLatency.parse(options.latency);
  const keys = new SigningKeys(options.credentials, options.signingKey);
  const saved = stateFile === undefined ? [] : loadOfferCodes(stateFile, seed);
  const ledger = new OfferCodeLedger(() => clock.now(), saved);
  for (const { id, ...deal } of options.benefits) {
    if (id === '') throw new Error('A benefit has no identifier.');
    if (ledger.benefit(id)) throw new Error(`Two benefits are called "${id}".`);
    if (!regions.has(deal.marketplace))
      throw new Error(`Benefit "${id}" is for no marketplace: "${deal.marketplace}".`);
    ledger.setBenefit(id, Deal.parse(deal));
  }
  for (const option of options.codes ?? []) {
    const { benefit, code, ...terms } = CodeOptions.parse(option);
    if (!ledger.add(benefit, code, terms)) throw new Error(`A code of benefit "${benefit}" is listed twice.`);
  }

  let savedRevision = ledger.revision;
  return {
    handle: createOfferCodesApi({ seed, clock, keys, regions, ledger, faults, requests, latency }),
    controls: offerCodesControl({ ledger, regions }),
    credentials: keys.own,
    onSigningKey: (find) => keys.onSigningKey(find),
    truth: (benefit, code) => {
      const truth = ledger.truth(benefit, code);
      if (!truth) throw new Error(`Benefit "${benefit}" never had this code.`);
      return truth;
    },
    save: async () => {
      if (stateFile === undefined || savedRevision === ledger.revision) return;
      savedRevision = ledger.revision;
      await saveOfferCodes(stateFile, { seed, codes: ledger.save() });
    },
  };
}
