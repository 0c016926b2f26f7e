import type { Template } from 'aws-cdk-lib/assertions';
import type { Settings } from '../../../config/settings.ts';
import type { Partner } from '../../../lambdas/shared/settings.ts';
import { readApiDocument } from '../../../lib/partner-api/api-document.ts';
import { templateOf } from '../synthesis.ts';

export const document = readApiDocument();

/** A partner that may do everything, unless it is said otherwise. */
export function partnerWith(values: Partial<Partner> = {}): Partner {
  return {
    accountId: '111122223333',
    externalId: 'agreed-upon',
    capabilities: ['offer-codes', 'reading', 'watch-list'],
    benefits: [],
    plan: { perSecond: 10, burst: 20 },
    entitlements: { skus: {}, granter: { kind: 'inventory' }, push: false },
    ...values,
  };
}

export interface StageChanges {
  readonly partners?: Record<string, Partner>;
  readonly corsOrigin?: string;
  readonly gateway?: Partial<Settings['gateway']>;
  readonly offerCodes?: Partial<Settings['runtime']['offerCodes']>;
}

/** Turns the settings of a stage into those of one with partners. */
export const withPartners =
  ({ partners = { shop: partnerWith() }, corsOrigin, gateway, offerCodes }: StageChanges = {}) =>
  (settings: Settings): Settings => ({
    ...settings,
    gateway: { ...settings.gateway, ...gateway },
    runtime: {
      ...settings.runtime,
      offerCodes: { ...settings.runtime.offerCodes, ...offerCodes },
      partnerApi: { partners, corsOrigin },
    },
  });

/** Everything that settings can switch on. */
export const EVERYTHING: StageChanges = {
  partners: { shop: partnerWith({ plan: { perSecond: 2.5, burst: 5, quota: { requests: 1000, period: 'DAY' } } }) },
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
};

export function stageWith(changes?: StageChanges): Template {
  return templateOf('prod', withPartners(changes));
}
