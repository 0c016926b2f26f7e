import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { flatten, grantsOf, resourcesOf, withoutHash } from '../synthesis.ts';
import { EVERYTHING, partnerWith, stageWith } from './partner-stages.ts';

const template = stageWith();
const full = stageWith(EVERYTHING);

/** What a function may do besides writing its log and its traces. */
function allowedTo(name: string, of = template): string[] {
  return grantsOf(of)
    .filter(
      ({ role, action }) => withoutHash(role) === `PartnerApiFunctions${name}Role` && !/^(?:logs|xray):/.test(action),
    )
    .map(({ action, resource }) => `${action} ${resource}`)
    .sort();
}

function functionOf(name: string, of = template) {
  const [found] = [...resourcesOf(of, 'AWS::Lambda::Function')].filter(
    ([id]) => withoutHash(id) === `PartnerApiFunctions${name}Function`,
  );
  return found?.[1].Properties ?? {};
}

function variablesOf(name: string): Record<string, string> {
  const { Variables } = functionOf(name)['Environment'] as { Variables: Record<string, unknown> };
  const { PARTNERS: _, ...own } = Variables;
  return Object.fromEntries(Object.entries(own).map(([variable, value]) => [variable, flatten(value)]));
}

const OFFER_CODES = [
  'dynamodb:DeleteItem ${PartnerApiStoreRequests.Arn}',
  'dynamodb:GetItem ${PartnerApiStoreRequests.Arn}',
  'dynamodb:PutItem ${PartnerApiStoreRequests.Arn}',
  'dynamodb:PutItem ${WatchTablesHistory.Arn}',
  'dynamodb:Query ${WatchTablesHistory.Arn}',
  'dynamodb:UpdateItem ${PartnerApiStoreRequests.Arn}',
  'secretsmanager:GetSecretValue ${PartnerApiStoreHashKey}',
];

/** An order is claimed, taken over, settled and given back, and never read by itself. */
const BUY_WITH_PRIME = [
  'dynamodb:DeleteItem ${PartnerApiStoreRequests.Arn}',
  'dynamodb:PutItem ${PartnerApiStoreRequests.Arn}',
  'dynamodb:PutItem ${WatchTablesHistory.Arn}',
  'dynamodb:UpdateItem ${PartnerApiStoreRequests.Arn}',
  'secretsmanager:GetSecretValue ${PartnerApiStoreHashKey}',
];

describe('the functions of the partner API', () => {
  test('may do with offer codes what the stage itself needs', () => {
    expect(allowedTo('ServeOfferCodes')).toEqual(OFFER_CODES);
  });

  test("may take on the role, call the API and read the authority's certificate that the settings name", () => {
    const named = [
      'execute-api:Invoke arn:aws:execute-api:us-east-1:444455556666:abc123/prod/*',
      'secretsmanager:GetSecretValue arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:team/prime-authority-??????',
      'sts:AssumeRole arn:aws:iam::444455556666:role/prime',
    ];
    expect(allowedTo('ServeOfferCodes', full)).toEqual([...OFFER_CODES, ...named].sort());
  });

  test('may write down orders and their events, with the key of hashes alone where no partner orders', () => {
    expect(allowedTo('ServeBuyWithPrime')).toEqual(BUY_WITH_PRIME);
    const unused = stageWith({ buyWithPrime: { accounts: { main: {} } } });
    expect(allowedTo('ServeBuyWithPrime', unused)).toEqual(BUY_WITH_PRIME);
  });

  test('read the credentials of every merchant account that some partner has, and of no other', () => {
    const orders = (account: string) => partnerWith({ buyWithPrime: { account } });
    const selling = stageWith({
      partners: { shop: orders('main'), app: orders('main'), other: orders('outlet'), reader: partnerWith() },
      buyWithPrime: { accounts: { main: {}, outlet: { secret: 'team/outlet' }, idle: {} } },
    });
    const secret = (name: string) =>
      `secretsmanager:GetSecretValue arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${name}-??????`;
    expect(allowedTo('ServeBuyWithPrime', selling)).toEqual(
      [...BUY_WITH_PRIME, secret('offer-relay/prod/buy-with-prime/main'), secret('team/outlet')].sort(),
    );
    const readers = grantsOf(selling).filter(({ resource }) => /:secret:.*(?:buy-with-prime\/|outlet)/.test(resource));
    expect(new Set(readers.map(({ role }) => withoutHash(role)))).toEqual(
      new Set(['PartnerApiFunctionsServeBuyWithPrimeRole']),
    );
  });

  test.each([
    ['ServeTitles', 'TitleChecks'],
    ['ServePrices', 'PriceChecks'],
  ])('%s may read watches and history, keep the watch list and send slices to its own queue', (name, checks) => {
    expect(allowedTo(name)).toEqual([
      'dynamodb:BatchGetItem ${WatchTablesWatches.Arn}',
      'dynamodb:Query ${WatchTablesHistory.Arn}',
      'dynamodb:Scan ${WatchTablesWatches.Arn}',
      'dynamodb:UpdateItem ${WatchTablesWatches.Arn}',
      `sqs:SendMessage \${${checks}QueuesSlices.Arn}`,
    ]);
    expect(variablesOf(name)).toEqual({
      WATCHES_TABLE: '${WatchTablesWatches}',
      HISTORY_TABLE: '${WatchTablesHistory}',
      SLICES_QUEUE_URL: `\${${checks}QueuesSlices}`,
    });
  });

  test('may look at the buckets to tell the health of the stage', () => {
    expect(allowedTo('DescribeService')).toEqual(['dynamodb:Scan ${WatchTablesBuckets.Arn}']);
    expect(variablesOf('DescribeService')).toEqual({ BUCKETS_TABLE: '${WatchTablesBuckets}' });
  });

  test.each(['ServeOfferCodes', 'ServeBuyWithPrime'])('%s finds tables and key of hashes of its own stack', (name) => {
    expect(variablesOf(name)).toEqual({
      REQUESTS_TABLE: '${PartnerApiStoreRequests}',
      HISTORY_TABLE: '${WatchTablesHistory}',
      HASH_KEY_SECRET: '${PartnerApiStoreHashKey}',
    });
  });

  test.each([1_000, 15_000, 15_001, 22_000])(
    'have six seconds besides the %d ms that an order may take, and less time than API Gateway waits',
    (deadlineMs) => {
      const { Timeout } = functionOf('ServeBuyWithPrime', stageWith({ buyWithPrime: { deadlineMs } }));
      expect(Timeout).toBe(Math.ceil(deadlineMs / 1000) + 6);
      expect(Timeout).toBeLessThan(29);
    },
  );

  test.each([500, 6_000, 20_000])(
    'have time for an upstream of %d ms, and less than API Gateway waits',
    (deadlineMs) => {
      const { Timeout } = functionOf('ServeOfferCodes', stageWith({ offerCodes: { deadlineMs } }));
      expect(Timeout).toBeGreaterThanOrEqual(deadlineMs / 1000 + 5);
      expect(Timeout).toBeLessThan(29);
    },
  );

  test('are described as what they are', () => {
    for (const name of ['ServeOfferCodes', 'ServeBuyWithPrime', 'ServeTitles', 'ServePrices', 'DescribeService']) {
      expect(functionOf(name)).toMatchObject({
        Description: expect.stringMatching(/^Partner API: .+\.$/),
        MemorySize: 512,
        TracingConfig: { Mode: 'Active' },
      });
    }
  });
});

describe('the store of requests', () => {
  test('is kept, encrypted, paid by use, restorable, and forgets by itself', () => {
    template.hasResource('AWS::DynamoDB::Table', {
      Properties: {
        KeySchema: [{ AttributeName: 'requestId', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'requestId', AttributeType: 'S' }],
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
        BillingMode: 'PAY_PER_REQUEST',
        SSESpecification: { SSEEnabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
        StreamSpecification: Match.absent(),
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('has a key of its own making, which is kept with it', () => {
    template.hasResource('AWS::SecretsManager::Secret', {
      Properties: {
        GenerateSecretString: { PasswordLength: 64, ExcludePunctuation: true },
        SecretString: Match.absent(),
        Name: Match.absent(),
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
    template.resourceCountIs('AWS::SecretsManager::RotationSchedule', 0);
  });
});
