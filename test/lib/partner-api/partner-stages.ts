import type { Template } from 'aws-cdk-lib/assertions';
import type { Settings } from '../../../config/settings.ts';
import type { GranterSettings, Partner, PartnerEntitlements } from '../../../lambdas/shared/settings.ts';
import { readApiDocument } from '../../../lib/partner-api/api-document.ts';
import { templateOf } from '../synthesis.ts';

export const document = readApiDocument();

/** A partner that may do everything, unless it is said otherwise. */
export function partnerWith(values: Partial<Partner> = {}): Partner {
  return {
    accountId: '111122223333',
    externalId: 'agreed-upon',
    capabilities: ['offer-codes', 'entitlements', 'buy-with-prime', 'reading', 'watch-list'],
    benefits: [],
    plan: { perSecond: 10, burst: 20 },
    entitlements: entitlementsWith(),
    ...values,
  };
}

/** Nothing but the stack's own inventory, unless it is said otherwise. */
export function entitlementsWith(values: Partial<PartnerEntitlements> = {}): PartnerEntitlements {
  return { skus: {}, granter: { kind: 'inventory' }, push: false, ...values };
}

/** A webhook that is signed by a key, or by the function's role where it is said what that may invoke. */
export function webhook(
  signature: Extract<GranterSettings, { kind: 'webhook' }>['signature'] = { kind: 'hmac' },
): GranterSettings {
  return { kind: 'webhook', url: 'https://game.example/grants', signature, timeoutMs: 3_000 };
}

export interface StageChanges {
  readonly partners?: Record<string, Partner>;
  readonly corsOrigin?: string;
  readonly gateway?: Partial<Settings['gateway']>;
  readonly offerCodes?: Partial<Settings['runtime']['offerCodes']>;
  readonly entitlements?: Partial<Settings['runtime']['entitlements']>;
  readonly buyWithPrime?: Partial<Settings['runtime']['buyWithPrime']>;
  readonly sweep?: string;
}

/** Turns the settings of a stage into those of one with partners. */
export const withPartners =
  ({
    partners = { shop: partnerWith() },
    corsOrigin,
    gateway,
    offerCodes,
    entitlements,
    buyWithPrime,
    sweep,
  }: StageChanges = {}) =>
  (settings: Settings): Settings => ({
    ...settings,
    gateway: { ...settings.gateway, ...gateway },
    schedules: { ...settings.schedules, ...(sweep !== undefined && { sweep }) },
    runtime: {
      ...settings.runtime,
      offerCodes: { ...settings.runtime.offerCodes, ...offerCodes },
      entitlements: { ...settings.runtime.entitlements, ...entitlements },
      buyWithPrime: { ...settings.runtime.buyWithPrime, ...buyWithPrime },
      partnerApi: { partners, corsOrigin },
    },
  });

/** Everything that settings can switch on. */
export const EVERYTHING: StageChanges = {
  partners: {
    shop: partnerWith({
      plan: { perSecond: 2.5, burst: 5, quota: { requests: 1000, period: 'DAY' } },
      entitlements: entitlementsWith({
        push: true,
        granter: webhook({
          kind: 'sigv4',
          service: 'execute-api',
          region: 'us-east-1',
          resourceArn: 'arn:aws:execute-api:us-east-1:444455556666:def456/prod/*',
        }),
      }),
      buyWithPrime: { account: 'main' },
    }),
  },
  corsOrigin: 'https://shop.example',
  gateway: {
    domain: {
      name: 'offers.example.com',
      certificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/0a1b2c3d-0000-4000-8000-000000000000',
    },
    webAclArn: 'arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/shield/0a1b2c3d-0000-4000-8000-000000000000',
    accessLogRole: false,
  },
  offerCodes: {
    role: { arn: 'arn:aws:iam::444455556666:role/prime' },
    apiArn: 'arn:aws:execute-api:us-east-1:444455556666:abc123/prod/*',
    trustSecret: 'team/prime-authority',
  },
  entitlements: { trustSecret: 'team/gaming-authority' },
  buyWithPrime: { accounts: { main: { secret: 'team/merchant' } } },
};

export function stageWith(changes?: StageChanges): Template {
  return templateOf('prod', withPartners(changes));
}
