import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SettingsError } from '../../config/problems.ts';
import {
  buyWithPrimeSecrets,
  entitlementsSecrets,
  loadSettings,
  requiredSecrets,
  stagesIn,
} from '../../config/settings.ts';
import { scratchFolder } from '../lib/scratch-folder.ts';

/** A folder with the stage `sample`, whose file holds `content`. */
function folderWith(content: unknown): string {
  const directory = scratchFolder();
  writeFileSync(join(directory, 'sample.json'), typeof content === 'string' ? content : JSON.stringify(content));
  return directory;
}

/** The message of the error that loading this content ends with. */
function complaintAbout(content: unknown): string {
  try {
    loadSettings('sample', { directory: folderWith(content) });
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  return 'no complaint';
}

const accounts = { main: { licensors: ['acme'] } };

describe('settings', () => {
  test.each(stagesIn())('of the stage %s are valid', (stage) => {
    expect(loadSettings(stage)).toMatchObject({ stage, runtime: { stage } });
  });

  test('are complete when a stage file says nothing', () => {
    expect(loadSettings('sample', { directory: folderWith({}) })).toEqual({
      stage: 'sample',
      removalPolicy: 'retain',
      logRetentionDays: 30,
      schedules: { plan: 'rate(1 minute)', reconcile: 'rate(5 minutes)', sweep: 'rate(5 minutes)' },
      bus: { archiveDays: 30, subscriberAccounts: [] },
      workers: { maximumConcurrency: 10, titleMemorySize: 512, priceMemorySize: 128 },
      gateway: { accessLogRole: true },
      alarms: {},
      runtime: expect.objectContaining({ stage: 'sample', logLevel: 'INFO' }),
    });
  });

  test('may name their schema, which the functions never see', () => {
    const settings = loadSettings('sample', { directory: folderWith({ $schema: './settings.schema.json' }) });
    expect(JSON.stringify(settings)).not.toContain('schema.json');
  });

  test('name the secrets that the operator has to make', () => {
    const directory = folderWith({
      offerStatus: { accounts: { main: { licensors: ['a'] }, other: { licensors: ['b'], secret: 'team/other' } } },
    });
    expect(requiredSecrets(loadSettings('sample', { directory }))).toEqual([
      'offer-relay/sample/offer-status/main',
      'team/other',
    ]);
  });
});

describe('overrides', () => {
  const source = 'context offerStatus.baseUrl';
  const override = (value: string) => [{ path: ['offerStatus', 'baseUrl'], value, source }];

  test('replace a value and leave its neighbours alone', () => {
    const directory = folderWith({ offerStatus: { timeoutMs: 5_000, baseUrl: 'https://file.example', accounts } });
    const { runtime } = loadSettings('sample', { directory, overrides: override('https://override.example') });
    expect(runtime.offerStatus).toMatchObject({ baseUrl: 'https://override.example', timeoutMs: 5_000, accounts });
  });

  test('work where the file does not mention the field; the last one wins', () => {
    const overrides = [...override('https://first.example'), ...override('https://second.example')];
    const { runtime } = loadSettings('sample', { directory: folderWith({}), overrides });
    expect(runtime.offerStatus.baseUrl).toBe('https://second.example');
  });

  test('are named as the source of a wrong value', () => {
    const load = () =>
      loadSettings('sample', { directory: folderWith({}), overrides: override('http://plain.example') });
    expect(load).toThrow(
      /context offerStatus\.baseUrl: offerStatus\.baseUrl is "http:\/\/plain\.example"; expected an https:\/\/ URL/,
    );
  });
});

describe('a complaint about settings', () => {
  test('says file, field, value and what is allowed', () => {
    expect(complaintAbout({ workers: { maximumConcurrency: 1 } })).toMatch(
      /sample\.json: workers\.maximumConcurrency is 1; .*>=2/,
    );
    expect(complaintAbout({ logRetentionDays: 8 })).toMatch(/logRetentionDays is 8; .*\b7\|14\|/);
    expect(complaintAbout({ removalPolicy: 'keep' })).toMatch(/removalPolicy is "keep"; .*"retain"\|"destroy"/);
    expect(complaintAbout({ bus: { subscriberAccounts: ['123'] } })).toMatch(
      /bus\.subscriberAccounts\.0 is "123"; expected the 12 digits/,
    );
  });

  test('lists everything that is wrong at once', () => {
    const complaint = complaintAbout({ removalPolicy: 1, bus: { archiveDays: 0 }, offerStatus: { timeoutMs: 'long' } });
    expect(complaint).toMatch(/^The settings have 3 problems:/);
    expect(complaint.split('\n')).toHaveLength(4);
  });

  test('says that a field is missing', () => {
    expect(complaintAbout({ offerStatus: { accounts: { main: {} } } })).toMatch(
      /offerStatus\.accounts\.main\.licensors is missing; expected array/,
    );
  });

  test.each([
    [{ logRetention: 7 }, 'logRetention (7) is no known field; Did you mean "logRetentionDays"?'],
    [{ worker: {} }, 'worker ({}) is no known field; Did you mean "workers"?'],
    [{ offerStatus: { minLapSeconds: { steaddy: 5 } } }, 'Did you mean "steady"?'],
    [{ offerStatus: { accounts: { main: { licensors: ['a'], licensor: 'b' } } } }, 'Did you mean "licensors"?'],
    [{ schedules: { zzzzzz: 1 } }, 'schedules.zzzzzz (1) is no known field; Known here: plan, reconcile, sweep.'],
  ])('names an unknown field and the one that was meant: %j', (content, expected) => {
    expect(complaintAbout(content)).toContain(expected);
  });

  test('refuses a stage inside the file, since the file is the stage', () => {
    expect(complaintAbout({ stage: 'sample' })).toContain('stage ("sample") is no known field');
  });

  test('tells broken JSON from a wrong value', () => {
    expect(complaintAbout('{ "bus": ')).toMatch(/sample\.json is not valid JSON/);
    expect(complaintAbout('[]')).toMatch(/must hold one JSON object/);
  });

  test('lists the stages that there are when one is missing', () => {
    const directory = folderWith({});
    expect(() => loadSettings('smaple', { directory })).toThrow(/Did you mean "sample"\?\nThe stages are: sample\./);
    expect(() => loadSettings('Bad_Name', { directory })).toThrow(/"Bad_Name" is no valid name/);
    expect(() => loadSettings('any', { directory: join(directory, 'absent') })).toThrow(/There are no stages yet/);
  });
});

describe('rules between fields', () => {
  const offerStatus = (values: object) => ({ offerStatus: values });

  test('a licensor belongs to one account', () => {
    expect(
      complaintAbout(offerStatus({ accounts: { a: { licensors: ['x', 'y'] }, b: { licensors: ['z', 'y'] } } })),
    ).toMatch(/offerStatus\.accounts\.b\.licensors\.1 is "y"; .*offerStatus\.accounts\.a has it as well/);
    expect(complaintAbout(offerStatus({ accounts: { a: { licensors: ['x', 'x'] } } }))).toMatch(/each licensor once/);
  });

  test('a secret belongs to one account, and its name is no pattern', () => {
    const twice = { a: { licensors: ['x'], secret: 's' }, b: { licensors: ['y'], secret: 's' } };
    expect(complaintAbout(offerStatus({ accounts: twice }))).toMatch(/accounts\.b\.secret is "s"; .*that of a as well/);
    const pattern = { a: { licensors: ['x'], secret: 'offer-relay/*' } };
    expect(complaintAbout(offerStatus({ accounts: pattern }))).toMatch(/expected the name of a secret/);
  });

  test('there is a worker for each account', () => {
    const many = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { licensors: [name] }]));
    expect(complaintAbout({ workers: { maximumConcurrency: 2 }, ...offerStatus({ accounts: many }) })).toMatch(
      /workers\.maximumConcurrency is 2; expected at least 3/,
    );
  });

  const pricing = (accounts: object) => ({ pricing: { accounts } });

  test('a selling account has marketplaces of Amazon, each once, by code or by identifier', () => {
    expect(complaintAbout(pricing({ a: { marketplaces: ['US', 'A2EUQ1WTGCTBG2', 'mx'] } }))).toBe('no complaint');
    expect(complaintAbout(pricing({ a: { marketplaces: ['US', 'XX'] } }))).toMatch(
      /pricing\.accounts\.a\.marketplaces\.1 is "XX"; expected a marketplace of Amazon, such as US/,
    );
    expect(complaintAbout(pricing({ a: { marketplaces: ['GB', 'UK'] } }))).toMatch(
      /marketplaces\.1 .*each marketplace once/,
    );
    expect(complaintAbout(pricing({ a: { marketplaces: [] } }))).toMatch(/pricing\.accounts\.a\.marketplaces/);
  });

  test('a selling account is in one region, as its refresh token is', () => {
    expect(complaintAbout(pricing({ a: { marketplaces: ['DE', 'JP'] } }))).toMatch(
      /pricing\.accounts\.a\.marketplaces\.1 is "JP"; expected marketplaces of one region, and JP is in fe, not in eu/,
    );
  });

  test('a secret is not shared between APIs', () => {
    const both = {
      ...offerStatus({ accounts: { a: { licensors: ['x'], secret: 's' } } }),
      ...pricing({ b: { marketplaces: ['US'], secret: 's' } }),
    };
    expect(complaintAbout(both)).toMatch(/pricing\.accounts\.b\.secret is "s"; .*that of a as well/);
  });

  test('there is a worker for each token bucket of the selling accounts', () => {
    const many = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, { marketplaces: ['US'] }]));
    expect(complaintAbout(pricing(many))).toMatch(/workers\.maximumConcurrency.* expected at least 12/);
  });

  test('rates can be given for operations that there are', () => {
    const rates = { getPricing: { perSecond: 5, burst: 10 } };
    expect(complaintAbout(pricing({ a: { marketplaces: ['US'], rates } }))).toBe('no complaint');
    expect(complaintAbout(pricing({ a: { marketplaces: ['US'], rates: { getPrices: rates.getPricing } } }))).toMatch(
      /getPrices/,
    );
  });

  test('all tries of a request fit into the time of a worker', () => {
    expect(complaintAbout(offerStatus({ timeoutMs: 20_000 }))).toMatch(
      /offerStatus\.retry .*within 50000 ms.* is 70000/,
    );
    expect(complaintAbout({ pricing: { timeoutMs: 30_000, retry: { attempts: 1, baseMs: 1, capMs: 1 } } })).toMatch(
      /pricing\.timeoutMs is 30000; expected at most 25000/,
    );
    const retry = { attempts: 3, baseMs: 500, capMs: 100 };
    expect(complaintAbout(offerStatus({ retry }))).toMatch(/offerStatus\.retry\.baseMs is 500; expected at most capMs/);
  });

  test('plans come before the backlog runs out', () => {
    expect(complaintAbout({ schedules: { plan: 'rate(5 minutes)' } })).toMatch(
      /polling\.backlogSeconds is 150; expected more than the 300 s/,
    );
    expect(complaintAbout({ schedules: { plan: 'rate(5 minutes)' }, polling: { backlogSeconds: 400 } })).toBe(
      'no complaint',
    );
  });

  test('a subscriber account is named once', () => {
    const subscriberAccounts = ['111122223333', '444455556666', '111122223333'];
    expect(complaintAbout({ bus: { subscriberAccounts } })).toMatch(
      /bus\.subscriberAccounts\.2 is "111122223333"; expected each account once/,
    );
  });
});

describe('schedules', () => {
  const polling = { backlogSeconds: 600 };

  test.each(['rate(1 minute)', 'rate(2 minutes)', 'rate(9 minutes)'])('checks may be planned at %s', (plan) => {
    expect(complaintAbout({ schedules: { plan }, polling })).toBe('no complaint');
  });

  test.each(['rate(1 minute)', 'rate(9 minutes)', 'rate(10 minutes)', 'rate(60 minutes)'])(
    'unpublished changes and entitlements that were left behind may be looked for at %s',
    (often) => {
      expect(complaintAbout({ schedules: { reconcile: often, sweep: often } })).toBe('no complaint');
    },
  );

  test.each([
    'rate(1 minutes)',
    'rate(2 minute)',
    'rate(0 minutes)',
    'rate(1 hour)',
    'every minute',
    'cron(0/2 * * * ? *)',
  ])('neither runs at %s', (schedule) => {
    const complaint = complaintAbout({ schedules: { plan: schedule, reconcile: schedule, sweep: schedule }, polling });
    expect(complaint).toMatch(/schedules\.plan is .*; expected rate\(1 minute\) .* at most 9 minutes/);
    expect(complaint).toMatch(/schedules\.reconcile is .*; expected rate\(1 minute\) .* at most 60 minutes/);
    expect(complaint).toMatch(/schedules\.sweep is .*; expected rate\(1 minute\) .* at most 60 minutes/);
  });

  test('are at most so long that their alarms can tell a failure soon', () => {
    expect(complaintAbout({ schedules: { plan: 'rate(10 minutes)' }, polling })).toMatch(/at most 9 minutes/);
    expect(complaintAbout({ schedules: { reconcile: 'rate(61 minutes)' } })).toMatch(/at most 60 minutes/);
  });
});

describe('the log level', () => {
  test.each(['DEBUG', 'INFO'])('may be %s', (logLevel) => {
    expect(complaintAbout({ logLevel })).toBe('no complaint');
  });

  test.each(['WARN', 'ERROR'])('may not be %s, which would drop the metrics', (logLevel) => {
    expect(complaintAbout({ logLevel })).toMatch(/logLevel is ".*"; .*"DEBUG"\|"INFO"/);
  });
});

describe('settings of notifications', () => {
  const complaintAboutNotifications = (notifications: unknown) => complaintAbout({ offerStatus: { notifications } });

  test('open the door of SP-API and keep that of Prime Video closed when they say nothing', () => {
    const { offerStatus, pricing } = loadSettings('sample', { directory: folderWith({}) }).runtime;
    expect(pricing.notifications).toEqual({ enabled: true });
    expect(offerStatus.notifications).toEqual({ enabled: false, senderAccounts: [] });
  });

  test('take senders by account and a bus by name', () => {
    const eventBus = { name: 'aws.partner/example.com/offers' };
    expect(complaintAboutNotifications({ enabled: true, senderAccounts: ['111122223333'], eventBus })).toBe(
      'no complaint',
    );
    expect(complaintAboutNotifications({ senderAccounts: ['*'] })).toContain('the 12 digits of an AWS account');
    expect(complaintAboutNotifications({ eventBus: { name: 'a bus' } })).toContain('the name of an event bus');
  });

  test('want a source where the bus is the default one, which carries events of every service', () => {
    expect(complaintAboutNotifications({ eventBus: { name: 'default' } })).toContain('eventBus.source');
    expect(complaintAboutNotifications({ eventBus: { name: 'default', source: 'primevideo' } })).toBe('no complaint');
  });
});

describe('settings of the partner API', () => {
  const shop = { accountId: '111122223333', externalId: 'agreed-upon' };
  const withPartner = (values: object) => ({ partnerApi: { partners: { shop: { ...shop, ...values } } } });
  const withGateway = (gateway: object) => ({ gateway });

  test('let nobody in when they say nothing', () => {
    const { runtime } = loadSettings('sample', { directory: folderWith({}) });
    expect(runtime.partnerApi).toEqual({ partners: {} });
    expect(runtime.offerCodes).toMatchObject({
      baseUrl: 'https://prime-apis.amazon.com',
      attempts: 3,
      regions: { US: 'us-east-1', IN: 'eu-west-1' },
      invalidCodes: { limit: 20, windowSeconds: 600 },
    });
  });

  test('let a partner do everything but use benefits and order for somebody, unless they say otherwise', () => {
    const { runtime } = loadSettings('sample', { directory: folderWith(withPartner({})) });
    expect(runtime.partnerApi.partners['shop']).toEqual({
      ...shop,
      capabilities: ['offer-codes', 'entitlements', 'buy-with-prime', 'reading', 'watch-list'],
      benefits: [],
      plan: { perSecond: 10, burst: 20 },
      entitlements: { skus: {}, granter: { kind: 'inventory' }, push: false },
    });
  });

  test.each([
    ['accountId', { accountId: '1111' }, 'expected the 12 digits of an AWS account'],
    ['externalId', { externalId: 'x' }, 'expected 2 to 1224 letters'],
    ['externalId', { externalId: 'with space' }, 'expected 2 to 1224 letters'],
    ['capabilities.0', { capabilities: ['everything'] }, 'expected one of'],
    ['plan.perSecond', { plan: { perSecond: 0 } }, 'expected number to be >0'],
    ['plan.burst', { plan: { burst: 1.5 } }, 'expected int'],
    ['plan.quota.period', { plan: { quota: { requests: 5, period: 'YEAR' } } }, 'expected one of'],
    ['invalidCodes.windowSeconds', { invalidCodes: { limit: 5, windowSeconds: 1 } }, 'expected number to be >=10'],
  ])('say what is wrong with the %s of a partner', (field, values, rule) => {
    const complaint = complaintAbout(withPartner(values));
    expect(complaint).toContain(`sample.json: partnerApi.partners.shop.${field} is `);
    expect(complaint).toContain(rule);
  });

  test.each([
    ['domain.name', { domain: { name: 'https://offers.example.com', certificateArn: 'x' } }, 'expected a domain name'],
    [
      'domain.certificateArn',
      { domain: { name: 'offers.example.com', certificateArn: 'arn:aws:iam::111122223333:role/x' } },
      'expected the ARN of a certificate',
    ],
    [
      'webAclArn',
      { webAclArn: 'arn:aws:wafv2:us-east-1:111122223333:global/webacl/x/0a1b' },
      'expected the ARN of a regional web ACL',
    ],
    ['accessLogRole', { accessLogRole: 'no' }, 'expected boolean'],
  ])('say what is wrong with %s of the gateway', (field, values, rule) => {
    const complaint = complaintAbout(withGateway(values));
    expect(complaint).toContain(`gateway.${field} is `);
    expect(complaint).toContain(rule);
  });

  test.each(['https://shop.example/', 'shop.example', 'https://*.shop.example', "https://shop.example'"])(
    'take one origin of a browser only, and not %s',
    (corsOrigin) => {
      const complaint = complaintAbout({ partnerApi: { corsOrigin } });
      expect(complaint).toContain('partnerApi.corsOrigin');
      expect(complaint).toContain('expected an origin such as https://shop.example');
    },
  );

  test('want to be told how often a code of a benefit can be redeemed: no default is safe', () => {
    const offerCodes = { benefits: { ONE: { marketplace: 'US' } } };
    expect(complaintAbout({ offerCodes })).toContain('offerCodes.benefits.ONE.use');
    for (const use of ['single', 'multiple']) {
      expect(complaintAbout({ offerCodes: { benefits: { ONE: { marketplace: 'US', use } } } })).toBe('no complaint');
    }
  });

  test('want the benefits of a partner to be benefits of the stage, each once', () => {
    const offerCodes = { benefits: { ONE: { marketplace: 'US', use: 'single' } } };
    const about = (...benefits: string[]) => complaintAbout({ offerCodes, ...withPartner({ benefits }) });
    expect(about('ONE')).toBe('no complaint');
    expect(about('ONE', 'TWO')).toContain('partnerApi.partners.shop.benefits.1 is "TWO"; expected a benefit of');
    expect(about('ONE', 'ONE')).toContain('partnerApi.partners.shop.benefits.1 is "ONE"; expected each benefit once');
  });

  test('want a region to sign for in the marketplace of each benefit', () => {
    const benefits = { ONE: { marketplace: 'DE', use: 'single' } };
    expect(complaintAbout({ offerCodes: { benefits } })).toContain(
      'offerCodes.benefits.ONE.marketplace is "DE"; expected a marketplace of offerCodes.regions (US, IN)',
    );
    expect(complaintAbout({ offerCodes: { benefits, regions: { DE: 'eu-west-1' } } })).toBe('no complaint');
  });

  test('have as many partners as one stage can tell apart', () => {
    const named = (count: number) =>
      complaintAbout({
        partnerApi: { partners: Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, shop])) },
      });
    expect(named(40)).toBe('no complaint');
    expect(named(41)).toContain('expected at most 40 partners, not 41');
  });

  test('have partners whose outputs have names of their own', () => {
    const complaint = complaintAbout({ partnerApi: { partners: { 'till-1': shop, till1: shop, shop } } });
    expect(complaint).toContain('one problem');
    expect(complaint).toContain('partnerApi.partners.till1');
    expect(complaint).toContain('expected names that differ in more than hyphens, and there is "till-1" as well');
  });

  test("name the secret of the authority to trust, which is nobody else's, where there is a partner", () => {
    const offerCodes = { trustSecret: 'team/authority' };
    const secretsOf = (content: object) => requiredSecrets(loadSettings('sample', { directory: folderWith(content) }));
    expect(secretsOf({ offerCodes })).toEqual([]);
    expect(secretsOf({ offerCodes, ...withPartner({}) })).toEqual(['team/authority']);
    const shared = { offerStatus: { accounts: { main: { licensors: ['a'], secret: 'team/authority' } } } };
    expect(complaintAbout({ offerCodes, ...shared })).toContain('offerCodes.trustSecret is "team/authority"');
    expect(complaintAbout({ offerCodes: { trustSecret: 'team/*' } })).toContain('expected the name of a secret');
  });
});

describe('settings of entitlements', () => {
  const coins = { itemId: 'coins', quantity: 500, kind: 'stackable' };
  const skin = { itemId: 'skin', kind: 'unique' };
  const webhook = { kind: 'webhook', url: 'https://game.example/grants' };
  const partner = (entitlements: object) => ({ accountId: '111122223333', externalId: 'agreed-upon', entitlements });
  const withPartners = (partners: Record<string, object>, entitlements: object = {}) => ({
    entitlements,
    partnerApi: {
      partners: Object.fromEntries(Object.entries(partners).map(([name, values]) => [name, partner(values)])),
    },
  });
  const about = (values: object) => complaintAbout(withPartners({ shop: values }));
  const aboutSkus = (skus: object) => about({ skus });

  test('ask Amazon, and have time for API Gateway, when they say nothing', () => {
    const { runtime } = loadSettings('sample', { directory: folderWith({}) });
    expect(runtime.entitlements).toMatchObject({
      baseUrl: 'https://gaming.amazon.com',
      profileUrl: 'https://api.amazon.com/user/profile',
    });
    expect(runtime.entitlements.deadlineMs + 6_000).toBeLessThan(29_000);
  });

  test('give one of an item unless they say how many', () => {
    const { runtime } = loadSettings('sample', {
      directory: folderWith(withPartners({ shop: { skus: { 'season_1:drop-1.a': [coins, skin] } } })),
    });
    expect(runtime.partnerApi.partners['shop']?.entitlements.skus).toEqual({
      'season_1:drop-1.a': [coins, { ...skin, quantity: 1 }],
    });
  });

  test.each(['with space', 'a/b', 'ä', '', 'x'.repeat(201)])('take no SKU that is spelt %j', (sku) => {
    expect(aboutSkus({ [sku]: [coins] })).toContain(
      `skus.${sku} has a wrong name; expected 1 to 200 letters, digits and . _ : -, as VendorProductIds are spelt`,
    );
  });

  test('take what a SKU holds only where it can be given', () => {
    expect(aboutSkus({ a: [] })).toContain('skus.a is []; expected at least one item');
    expect(aboutSkus({ a: [coins, { ...skin, itemId: 'coins' }] })).toContain('expected each item once');
    expect(aboutSkus({ a: [{ ...skin, quantity: 2 }] })).toContain('expected quantity 1 of items that are unique');
    expect(aboutSkus({ a: [{ ...coins, quantity: 0 }] })).toContain('skus.a.0.quantity is 0; ');
    expect(aboutSkus({ a: [{ ...coins, itemId: 'two words' }] })).toContain(
      'skus.a.0.itemId is "two words"; expected 1 to 200 visible ASCII characters',
    );
    expect(aboutSkus({ a: [{ itemId: 'coins' }] })).toContain('skus.a.0.kind is missing; expected one of');
    const many = (count: number) => Array.from({ length: count }, (_, index) => ({ ...skin, itemId: `i${index}` }));
    expect(aboutSkus({ a: many(90) })).toBe('no complaint');
    expect(aboutSkus({ a: many(91) })).toContain('expected at most 90 items');
  });

  test('are no place for a whole catalogue, which the table is', () => {
    const catalogue = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`sku${i}`, [coins]]));
    expect(aboutSkus(catalogue(500))).toBe('no complaint');
    expect(aboutSkus(catalogue(501))).toMatch(
      /partners\.shop\.entitlements\.skus is .*; expected at most 500 SKUs .*, not 501: keep them in the table/,
    );
  });

  test.each([
    [{ kind: 'webhok' }, "granter.kind is \"webhok\"; expected 'inventory' | 'webhook'"],
    [{}, "granter.kind is missing; expected 'inventory' | 'webhook'"],
    [{ kind: 'webhook' }, 'granter.url is missing; expected an https:// URL'],
    [{ ...webhook, url: 'http://game.example' }, 'granter.url is "http://game.example"; expected an https:// URL'],
    [{ ...webhook, timeout: 5 }, 'granter.timeout (5) is no known field; Did you mean "timeoutMs"?'],
    [{ kind: 'inventory', url: 'x' }, 'granter.url ("x") is no known field; Known here: kind.'],
    [{ ...webhook, signature: { kind: 'sigv4', region: 'us-east-1' } }, 'granter.signature.resourceArn is missing'],
    [
      { ...webhook, signature: { kind: 'sigv4', region: 'us-east-1', resourceArn: '*' } },
      'granter.signature.resourceArn is "*"; expected the ARN of what the functions may invoke',
    ],
  ])('name the field that is wrong with the granter %j', (granter, expected) => {
    expect(about({ granter })).toContain(`partnerApi.partners.shop.entitlements.${expected}`);
  });

  test.each([
    ['execute-api', 'arn:aws:execute-api:us-east-1:444455556666:abc123/prod/*'],
    ['lambda', 'arn:aws:lambda:us-east-1:444455556666:function:grants'],
  ])('sign for %s what is invoked there, in its region', (service, resourceArn) => {
    const signed = (values: object) =>
      about({
        granter: { ...webhook, signature: { kind: 'sigv4', service, region: 'us-east-1', resourceArn, ...values } },
      });
    expect(signed({})).toBe('no complaint');
    for (const values of [
      { region: 'eu-west-1' },
      { service: service === 'lambda' ? 'execute-api' : 'lambda' },
      { resourceArn: 'arn:aws:sqs:us-east-1:444455556666:grants' },
    ]) {
      expect(signed(values)).toContain('granter.signature.resourceArn is "arn:');
    }
  });

  test('are called without a user name and a password, which no message tells', () => {
    const at = (url: string) => about({ granter: { ...webhook, url } });
    for (const url of ['https://amy:pa55word@game.example/grants', 'https:pa55word@game.example']) {
      expect(at(url)).toContain('granter.url is "https:');
      expect(at(url)).toContain('expected a URL without user name and password');
      expect(at(url)).not.toContain('pa55word');
    }
    expect(at('https://game.example/grants?to=amy@game.example')).toBe('no complaint');
  });

  test('are none of a partner whose players nobody fulfils for', () => {
    const off = (entitlements: object, capabilities = ['offer-codes']) =>
      complaintAbout({ partnerApi: { partners: { shop: { ...partner(entitlements), capabilities } } } });
    const message = 'expected none for a partner that neither has the capability entitlements nor takes pushes';
    expect(off({ skus: { a: [coins] } })).toMatch(
      new RegExp(`one problem(?:.|\\n)*partners\\.shop\\.entitlements\\.skus is .*; ${message}`),
    );
    expect(off({ granter: webhook })).toMatch(
      new RegExp(`one problem(?:.|\\n)*partners\\.shop\\.entitlements\\.granter is .*; ${message}`),
    );
    const both = { skus: { a: [coins] }, granter: webhook };
    expect(off(both)).toContain('2 problems');
    expect(off({ ...both, push: true })).toBe('no complaint');
    expect(off(both, ['entitlements'])).toBe('no complaint');
    expect(off({})).toBe('no complaint');
  });

  test('give a request the time for one try of each step', () => {
    const slow = { granter: { ...webhook, timeoutMs: 5_000 } };
    const times = (deadlineMs: number, timeoutMs: number, partners = {}) =>
      complaintAbout(withPartners(partners, { deadlineMs, timeoutMs }));
    expect(times(12_000, 4_000)).toBe('no complaint');
    expect(times(11_999, 4_000)).toContain('entitlements.deadlineMs is 11999; expected at least 12000');
    expect(times(17_000, 4_000, { shop: slow, other: {} })).toBe('no complaint');
    expect(times(16_999, 4_000, { shop: slow, other: {} })).toContain('expected at least 17000');
    expect(times(22_001, 1_000)).toContain('entitlements.deadlineMs is 22001; ');
  });

  test('name a secret where a key or an authority is needed, each once', () => {
    const secretsOf = (partners: Record<string, object>, entitlements: object = {}) =>
      entitlementsSecrets(loadSettings('sample', { directory: folderWith(withPartners(partners, entitlements)) }));
    const resourceArn = 'arn:aws:lambda:us-east-1:444455556666:function:grants';
    const signature = { kind: 'sigv4', service: 'lambda', region: 'us-east-1', resourceArn };
    const own = 'offer-relay/sample/entitlements/shop';
    expect(secretsOf({ shop: {} })).toEqual([]);
    expect(secretsOf({ shop: { granter: { ...webhook, signature } } })).toEqual([]);
    expect(secretsOf({ shop: { granter: webhook } })).toEqual([own]);
    expect(secretsOf({ shop: { push: true } })).toEqual([own]);
    expect(secretsOf({ shop: { push: true, granter: webhook } })).toEqual([own]);
    expect(secretsOf({ shop: { push: true, secret: 'team/keys' }, other: { granter: webhook } }).sort()).toEqual([
      'offer-relay/sample/entitlements/other',
      'team/keys',
    ]);
    expect(secretsOf({}, { trustSecret: 'team/authority' })).toEqual([]);
    expect(secretsOf({ shop: {} }, { trustSecret: 'team/authority' })).toEqual(['team/authority']);
    const directory = folderWith(withPartners({ shop: { push: true } }, { trustSecret: 'team/authority' }));
    expect(requiredSecrets(loadSettings('sample', { directory }))).toEqual(['team/authority', own]);
  });

  test("share no secret with another partner or another API, and no secret's name is a pattern", () => {
    const shared = withPartners({ shop: { secret: 'team/keys' }, other: { secret: 'team/keys' } });
    expect(complaintAbout(shared)).toMatch(
      /partners\.other\.entitlements\.secret is "team\/keys"; .*that of shop as well/,
    );
    expect(complaintAbout({ ...withPartners({}, { trustSecret: 's' }), offerCodes: { trustSecret: 's' } })).toMatch(
      /entitlements\.trustSecret is "s"; .*that of offerCodes\.trustSecret as well/,
    );
    expect(about({ secret: 'team/*' })).toContain('expected the name of a secret');
    expect(complaintAbout(withPartners({}, { trustSecret: 'team/*' }))).toContain('expected the name of a secret');
  });
});

describe('settings of Buy with Prime', () => {
  const partner = (account: string | undefined, values: object = {}) => ({
    accountId: '111122223333',
    externalId: 'agreed-upon',
    ...(account !== undefined && { buyWithPrime: { account } }),
    ...values,
  });
  const withPartners = (partners: Record<string, object>, accounts: Record<string, object>, values: object = {}) => ({
    buyWithPrime: { accounts, ...values },
    partnerApi: { partners },
  });
  const about = (...content: Parameters<typeof withPartners>) => complaintAbout(withPartners(...content));

  test('ask Amazon, and have time for API Gateway, when they say nothing', () => {
    const { buyWithPrime } = loadSettings('sample', { directory: folderWith({}) }).runtime;
    expect(buyWithPrime).toMatchObject({
      graphqlUrl: 'https://api.buywithprime.amazon.com/graphql',
      tokenUrl: 'https://api.buywithprime.amazon.com/token',
      apiVersion: '2024-11-01',
      accounts: {},
    });
    expect(buyWithPrime).not.toHaveProperty('events');
    expect(buyWithPrime.deadlineMs + 6_000).toBeLessThan(29_000);
  });

  test('let partners order for an account of their own, for one that they share, or for none', () => {
    expect(about({ shop: partner('main'), app: partner('main'), other: partner(undefined) }, { main: {} })).toBe(
      'no complaint',
    );
  });

  test('name the account that was meant, where a partner names one that is not there', () => {
    const unknown = 'partnerApi.partners.shop.buyWithPrime.account is "mian"; expected an account of';
    const complaint = about({ shop: partner('mian') }, { main: {}, outlet: {} });
    expect(complaint).toContain(`${unknown} buyWithPrime.accounts (main, outlet); did you mean "main"?`);
    // It is as good as certain that `main` is used, once it is spelt right.
    expect(complaint).toContain('one problem');
    expect(about({ shop: partner('somewhere-else') }, { main: {} })).toMatch(
      /account is "somewhere-else"; expected an account of buyWithPrime\.accounts \(main\)$/,
    );
    expect(about({ shop: partner('mian') }, {})).toContain(`${unknown} buyWithPrime.accounts, which has none`);
    // No name of an account is one that every object has.
    expect(about({ shop: partner('constructor') }, {})).toContain('which has none');
  });

  test('have no account for which nobody orders', () => {
    expect(about({ shop: partner('main') }, { main: {}, outlet: {} })).toMatch(
      /one problem(?:.|\n)*buyWithPrime\.accounts\.outlet is \{\}; expected a partner with "buyWithPrime": \{"account": "outlet"\}/,
    );
    expect(about({}, { main: {} })).toContain('buyWithPrime.accounts.main is {}; expected a partner with');
  });

  test('are none of a partner who may not order', () => {
    const off = (capabilities: string[], account: string | undefined = 'main') =>
      about({ shop: partner(account, { capabilities }), other: partner('main') }, { main: {} });
    expect(off(['reading'])).toMatch(
      /one problem(?:.|\n)*partners\.shop\.buyWithPrime is .*; expected none for a partner without the capability buy-with-prime/,
    );
    expect(off(['reading', 'buy-with-prime'])).toBe('no complaint');
    expect(about({ shop: partner('main', { capabilities: [] }) }, { main: {} })).toContain('one problem');
    expect(about({ shop: partner(undefined, { capabilities: [] }) }, {})).toBe('no complaint');
  });

  test('give a request the time for one try of each step', () => {
    const times = (deadlineMs: number, timeoutMs: number) => about({}, {}, { deadlineMs, timeoutMs });
    expect(times(12_000, 4_000)).toBe('no complaint');
    expect(times(11_999, 4_000)).toContain('buyWithPrime.deadlineMs is 11999; expected at least 12000');
    expect(times(22_001, 1_000)).toContain('buyWithPrime.deadlineMs is 22001; ');
    // As long as a try may take by itself, and too long for three of them.
    expect(times(22_000, 15_000)).toContain('expected at least 45000');
  });

  test('name a secret for each account that a partner has, however many have it', () => {
    const secretsOf = (...content: Parameters<typeof withPartners>) => {
      const settings = loadSettings('sample', { directory: folderWith(withPartners(...content)) });
      expect(requiredSecrets(settings)).toEqual(buyWithPrimeSecrets(settings));
      return buyWithPrimeSecrets(settings);
    };
    expect(secretsOf({ shop: partner(undefined) }, {})).toEqual([]);
    expect(
      secretsOf(
        { shop: partner('main'), app: partner('main'), other: partner('outlet') },
        { main: {}, outlet: { secret: 'team/outlet' } },
      ),
    ).toEqual(['offer-relay/sample/buy-with-prime/main', 'team/outlet']);
  });

  test("share no secret with another account or another API, and no secret's name is a pattern", () => {
    const both = { shop: partner('main'), other: partner('outlet') };
    expect(about(both, { main: { secret: 's' }, outlet: { secret: 's' } })).toMatch(
      /buyWithPrime\.accounts\.outlet\.secret is "s"; .*that of main as well/,
    );
    const shared = { offerStatus: { accounts: { studio: { licensors: ['a'], secret: 's' } } } };
    const main = withPartners({ shop: partner('main') }, { main: { secret: 's' } });
    expect(complaintAbout({ ...main, ...shared })).toMatch(
      /buyWithPrime\.accounts\.main\.secret is "s"; .*that of studio as well/,
    );
    expect(about({ shop: partner('main') }, { main: { secret: 'team/*' } })).toContain('expected the name of a secret');
  });

  test.each([
    ['graphqlUrl', 'http://plain.example', 'expected an https:// URL'],
    ['tokenUrl', 'nonsense', 'expected an https:// URL'],
    ['apiVersion', 'latest', 'expected a version such as 2024-11-01'],
    ['attempts', 0, 'expected number to be >=1'],
    ['quoteCacheSeconds', 301, 'expected number to be <=300'],
    ['accounts', { 'A Shop': {} }, 'has a wrong name'],
    ['events', { eventBus: { name: 'a bus' } }, 'expected the name of an event bus'],
  ])('say what is wrong with %s', (field, value, rule) => {
    const complaint = about({}, {}, { [field]: value });
    expect(complaint).toContain(`buyWithPrime.${field}`);
    expect(complaint).toContain(rule);
  });
});
