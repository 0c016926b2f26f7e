import { marketplaceOf } from '../lambdas/pricing/marketplaces.ts';
import { pricingAccounts } from '../lambdas/pricing/pricing-accounts.ts';
import type { GranterSettings, RetryPolicy } from '../lambdas/shared/settings.ts';
import {
  buyWithPrimeSecretName,
  entitlementsSecretName,
  offerStatusSecretName,
  pricingSecretName,
} from '../lambdas/shared/settings.ts';
import { type Issue, nearest } from './problems.ts';
import { minutesBetweenRuns } from './schedules.ts';
import type { Settings } from './settings.ts';

/** What a worker needs besides two time-outs: the wait for its slot, reading, recording and reporting. */
const BESIDES_TIMEOUTS_MS = 10_000;

/** A worker has 60 s; what is left of it belongs to reading the secret, to the tables and to the report. */
const REQUEST_BUDGET_MS = 50_000;

/** Rules that hold between fields; each field by itself is valid when they are looked at. */
export function checkAcrossFields(settings: Settings): Issue[] {
  return [
    ...duplicateSubscribers(settings),
    ...duplicateLicensors(settings),
    ...marketplaces(settings),
    ...secrets(settings),
    ...concurrency(settings),
    ...retries(settings),
    ...planning(settings),
    ...benefits(settings),
    ...partners(settings),
    ...skus(settings),
    ...unusedEntitlements(settings),
    ...webhooks(settings),
    ...fulfilment(settings),
    ...merchants(settings),
    ...unusedMerchants(settings),
    ...ordering(settings),
  ];
}

/** The functions learn who is who from one variable, and Lambda gives all variables together 4 KB. */
const MOST_PARTNERS = 40;

function partners({ runtime }: Settings): Issue[] {
  const names = Object.keys(runtime.partnerApi.partners);
  const path = ['partnerApi', 'partners'];
  const tooMany =
    names.length > MOST_PARTNERS
      ? [
          {
            path,
            message: `expected at most ${MOST_PARTNERS} partners, not ${names.length}: give the others a stage of their own`,
          },
        ]
      : [];
  // Names of outputs have no hyphens.
  const letters = names.map((name) => name.replaceAll('-', ''));
  const alike = names.flatMap((name, index) => {
    const other = names[letters.indexOf(letters[index] ?? '')];
    if (other === undefined || other === name) return [];
    const message = `expected names that differ in more than hyphens, and there is "${other}" as well`;
    return [{ path: [...path, name], message }];
  });
  return [...tooMany, ...alike];
}

/** The settings ship in the asset of every function, which parses them at each cold start; the table takes any number. */
const MOST_SKUS = 500;

function skus({ runtime }: Settings): Issue[] {
  return Object.entries(runtime.partnerApi.partners).flatMap(([partner, { entitlements }]) => {
    const count = Object.keys(entitlements.skus).length;
    if (count <= MOST_SKUS) return [];
    const message = `expected at most ${MOST_SKUS} SKUs in the settings of a partner, not ${count}: keep them in the table, with npm run skus`;
    return [{ path: ['partnerApi', 'partners', partner, 'entitlements', 'skus'], message }];
  });
}

/** What would never be used was meant otherwise: the capability, or the push integration, has been forgotten. */
function unusedEntitlements({ runtime }: Settings): Issue[] {
  return Object.entries(runtime.partnerApi.partners).flatMap(([partner, { capabilities, entitlements }]) => {
    if (capabilities.includes('entitlements') || entitlements.push) return [];
    const path = ['partnerApi', 'partners', partner, 'entitlements'];
    const message =
      'expected none for a partner that neither has the capability entitlements nor takes pushes: its players get nothing';
    return [
      ...(Object.keys(entitlements.skus).length > 0 ? [{ path: [...path, 'skus'], message }] : []),
      ...(entitlements.granter.kind === 'webhook' ? [{ path: [...path, 'granter'], message }] : []),
    ];
  });
}

function webhooks({ runtime }: Settings): Issue[] {
  return Object.entries(runtime.partnerApi.partners).flatMap(([partner, { entitlements }]) => {
    const { granter } = entitlements;
    const path = ['partnerApi', 'partners', partner, 'entitlements', 'granter'];
    return granter.kind === 'webhook' ? [...webhookUrl(granter, path), ...webhookRole(granter, path)] : [];
  });
}

type Webhook = Extract<GranterSettings, { kind: 'webhook' }>;

/** Calls are signed, and nothing else is sent with them; settings are no place for a password. */
function webhookUrl({ url }: Webhook, path: readonly string[]): Issue[] {
  const { username, password } = new URL(url);
  if (username === '' && password === '') return [];
  const message = 'expected a URL without user name and password: the signature says who calls';
  return [{ path: [...path, 'url'], message }];
}

/** A role that may invoke something else than what is called would only be found out by the first grant. */
function webhookRole({ signature }: Webhook, path: readonly string[]): Issue[] {
  if (signature.kind !== 'sigv4') return [];
  const { service, region, resourceArn } = signature;
  const [, , arnService, arnRegion] = resourceArn.split(':');
  if (arnService === service && arnRegion === region) return [];
  const message = `expected an ARN of ${service} in ${region}, for which calls are signed`;
  return [{ path: [...path, 'signature', 'resourceArn'], message }];
}

/** One try each of whose token it is, what is open, the grant and the report has to fit into the time of a request. */
function fulfilment({ runtime }: Settings): Issue[] {
  const { timeoutMs, deadlineMs } = runtime.entitlements;
  const grants = Object.values(runtime.partnerApi.partners).map(({ entitlements: { granter } }) =>
    granter.kind === 'webhook' ? granter.timeoutMs : 0,
  );
  const least = 3 * timeoutMs + Math.max(0, ...grants);
  if (least <= deadlineMs) return [];
  return [
    {
      path: ['entitlements', 'deadlineMs'],
      message: `expected at least ${least}, which one try of each step may take: 3 × timeoutMs and the longest timeoutMs of a webhook`,
    },
  ];
}

/** Whom a partner orders for, and who is ordered for by nobody. */
function merchants({ runtime }: Settings): Issue[] {
  const accounts = Object.keys(runtime.buyWithPrime.accounts);
  const partners = Object.entries(runtime.partnerApi.partners);
  const unknown = partners.flatMap(([partner, { buyWithPrime }]): Issue[] => {
    if (buyWithPrime === undefined || accounts.includes(buyWithPrime.account)) return [];
    const near = nearest(buyWithPrime.account, accounts);
    const known = accounts.length === 0 ? ', which has none' : ` (${accounts.join(', ')})`;
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    return [
      {
        path: ['partnerApi', 'partners', partner, 'buyWithPrime', 'account'],
        message: `expected an account of buyWithPrime.accounts${known}${hint}`,
      },
    ];
  });
  // An account that seems to be nobody's may be the one that is spelt wrong.
  if (unknown.length > 0) return unknown;
  const owned = partners.map(([, { buyWithPrime }]) => buyWithPrime?.account);
  return accounts
    .filter((account) => !owned.includes(account))
    .map((account) => ({
      path: ['buyWithPrime', 'accounts', account],
      message: `expected a partner with "buyWithPrime": {"account": "${account}"}: nobody orders for this account`,
    }));
}

/** An account that its partner may not use was meant otherwise: the capability has been forgotten. */
function unusedMerchants({ runtime }: Settings): Issue[] {
  return Object.entries(runtime.partnerApi.partners).flatMap(([partner, { capabilities, buyWithPrime }]) => {
    if (buyWithPrime === undefined || capabilities.includes('buy-with-prime')) return [];
    const message = 'expected none for a partner without the capability buy-with-prime: it may ask for nothing';
    return [{ path: ['partnerApi', 'partners', partner, 'buyWithPrime'], message }];
  });
}

/** One try each of a token, of an order and of what is asked after it has to fit into the time of a request. */
function ordering({ runtime }: Settings): Issue[] {
  const { timeoutMs, deadlineMs } = runtime.buyWithPrime;
  const least = 3 * timeoutMs;
  if (least <= deadlineMs) return [];
  return [
    {
      path: ['buyWithPrime', 'deadlineMs'],
      message: `expected at least ${least}, which one try of each step may take: 3 × timeoutMs, for a token, an order, and a quote where the offer is gone`,
    },
  ];
}

function benefits({ runtime }: Settings): Issue[] {
  const { offerCodes, partnerApi } = runtime;
  const unsigned = Object.entries(offerCodes.benefits)
    .filter(([, { marketplace }]) => !Object.hasOwn(offerCodes.regions, marketplace))
    .map(([benefit]) => ({
      path: ['offerCodes', 'benefits', benefit, 'marketplace'],
      message: `expected a marketplace of offerCodes.regions (${Object.keys(offerCodes.regions).join(', ')})`,
    }));
  const unknown = Object.entries(partnerApi.partners).flatMap(([partner, { benefits: ids }]) =>
    ids.flatMap((id, index) => {
      const path = ['partnerApi', 'partners', partner, 'benefits', index];
      if (!Object.hasOwn(offerCodes.benefits, id))
        return [{ path, message: 'expected a benefit of offerCodes.benefits' }];
      return ids.indexOf(id) < index ? [{ path, message: 'expected each benefit once' }] : [];
    }),
  );
  return [...unsigned, ...unknown];
}

function duplicateSubscribers({ bus }: Settings): Issue[] {
  return bus.subscriberAccounts.flatMap((account, index, all) =>
    all.indexOf(account) === index
      ? []
      : [{ path: ['bus', 'subscriberAccounts', index], message: 'expected each account once' }],
  );
}

/** A licensor of two accounts would be polled out of two token buckets, and its events would come twice. */
function duplicateLicensors({ runtime }: Settings): Issue[] {
  const owners = new Map<string, string>();
  const issues: Issue[] = [];
  for (const [account, { licensors }] of Object.entries(runtime.offerStatus.accounts)) {
    for (const [index, licensor] of licensors.entries()) {
      const owner = owners.get(licensor);
      owners.set(licensor, owner ?? account);
      if (owner === undefined) continue;
      issues.push({
        path: ['offerStatus', 'accounts', account, 'licensors', index],
        message:
          owner === account
            ? 'expected each licensor once'
            : `expected a licensor of one account only, and offerStatus.accounts.${owner} has it as well`,
      });
    }
  }
  return issues;
}

/** Amazon gives a refresh token for one region, whose marketplaces share one endpoint and its token buckets. */
function marketplaces({ runtime }: Settings): Issue[] {
  return Object.entries(runtime.pricing.accounts).flatMap(([account, { marketplaces: names }]) => {
    const known = names.map((name) => marketplaceOf(name));
    return names.flatMap((name, index): Issue[] => {
      const path = ['pricing', 'accounts', account, 'marketplaces', index];
      const marketplace = known[index];
      if (!marketplace) {
        return [{ path, message: `expected a marketplace of Amazon, such as US or ATVPDKIKX0DER, not "${name}"` }];
      }
      if (known.findIndex((other) => other?.id === marketplace.id) < index) {
        return [{ path, message: 'expected each marketplace once' }];
      }
      const region = known.find((other) => other !== undefined)?.region;
      if (marketplace.region === region) return [];
      const message = `expected marketplaces of one region, and ${name} is in ${marketplace.region}, not in ${region}: give it an account of its own`;
      return [{ path, message }];
    });
  });
}

/** One secret is one set of credentials, and that is one token bucket. A `*` or `?` would widen an IAM statement. */
function secrets({ stage, runtime }: Settings): Issue[] {
  const named = [
    ...Object.entries(runtime.offerStatus.accounts).map(([account, values]) => ({
      path: ['offerStatus', 'accounts', account, 'secret'],
      name: offerStatusSecretName(stage, account, values),
    })),
    ...Object.entries(runtime.pricing.accounts).map(([account, values]) => ({
      path: ['pricing', 'accounts', account, 'secret'],
      name: pricingSecretName(stage, account, values),
    })),
    ...(runtime.offerCodes.trustSecret === undefined
      ? []
      : [{ path: ['offerCodes', 'trustSecret'], name: runtime.offerCodes.trustSecret }]),
    ...(runtime.entitlements.trustSecret === undefined
      ? []
      : [{ path: ['entitlements', 'trustSecret'], name: runtime.entitlements.trustSecret }]),
    ...Object.entries(runtime.partnerApi.partners).map(([partner, { entitlements }]) => ({
      path: ['partnerApi', 'partners', partner, 'entitlements', 'secret'],
      name: entitlementsSecretName(stage, partner, entitlements),
    })),
    ...Object.entries(runtime.buyWithPrime.accounts).map(([account, values]) => ({
      path: ['buyWithPrime', 'accounts', account, 'secret'],
      name: buyWithPrimeSecretName(stage, account, values),
    })),
  ];
  const owners = new Map<string, string>();
  const issues: Issue[] = [];
  for (const { path, name } of named) {
    if (!/^[A-Za-z0-9/_+=.@-]+$/.test(name)) {
      issues.push({ path, message: 'expected the name of a secret: letters, digits and /_+=.@- only' });
    }
    const owner = owners.get(name);
    const account = path[2] ?? path.join('.');
    if (owner !== undefined) {
      issues.push({ path, message: `expected a secret of one account only; "${name}" is that of ${owner} as well` });
    }
    owners.set(name, account);
  }
  return issues;
}

function concurrency({ workers, runtime }: Settings): Issue[] {
  const usable = Object.values(runtime.pricing.accounts).every(({ marketplaces: names }) => names.every(marketplaceOf));
  const sellers = usable ? pricingAccounts(runtime.pricing) : [];
  const buckets = Math.max(
    Object.keys(runtime.offerStatus.accounts).length,
    sellers.reduce((sum, account) => sum + account.buckets.length, 0),
  );
  if (buckets <= workers.maximumConcurrency) return [];
  return [
    {
      path: ['workers', 'maximumConcurrency'],
      message: `expected at least ${buckets}, one for each token bucket of an API, or buckets would wait for one another`,
    },
  ];
}

function retries({ runtime }: Settings): Issue[] {
  return [
    ...retriesOf(['offerStatus', 'retry'], runtime.offerStatus),
    ...retriesOf(['pricing', 'retry'], runtime.pricing),
  ];
}

function retriesOf(path: string[], { retry, timeoutMs }: { retry: RetryPolicy; timeoutMs: number }): Issue[] {
  const longestTimeout = (60_000 - BESIDES_TIMEOUTS_MS) / 2;
  if (timeoutMs > longestTimeout) {
    const message = `expected at most ${longestTimeout}, so that a request and its repeat fit into the 60 s of a worker`;
    return [{ path: [path[0] ?? '', 'timeoutMs'], message }];
  }
  if (retry.baseMs > retry.capMs) {
    return [{ path: [...path, 'baseMs'], message: `expected at most capMs, which is ${retry.capMs}` }];
  }
  const longest = retry.attempts * timeoutMs + (retry.attempts - 1) * retry.capMs;
  if (longest <= REQUEST_BUDGET_MS) return [];
  return [
    {
      path,
      message: `expected all tries of one request to end within ${REQUEST_BUDGET_MS} ms; attempts × timeoutMs + (attempts - 1) × capMs is ${longest}`,
    },
  ];
}

function planning({ schedules, runtime }: Settings): Issue[] {
  const seconds = minutesBetweenRuns(schedules.plan) * 60;
  if (seconds < runtime.polling.backlogSeconds) return [];
  return [
    {
      path: ['polling', 'backlogSeconds'],
      message: `expected more than the ${seconds} s between two plans (schedules.plan), or buckets would run dry`,
    },
  ];
}
