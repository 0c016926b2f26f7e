import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { flatten, grantsOf, resourcesOf, withoutHash } from '../synthesis.ts';
import { EVERYTHING, stageWith } from './partner-stages.ts';

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

  test('find the tables and the key of hashes of their own stack', () => {
    expect(variablesOf('ServeOfferCodes')).toEqual({
      REQUESTS_TABLE: '${PartnerApiStoreRequests}',
      HISTORY_TABLE: '${WatchTablesHistory}',
      HASH_KEY_SECRET: '${PartnerApiStoreHashKey}',
    });
  });

  test.each([500, 6_000, 20_000])(
    'have time for an upstream of %d ms, and less than API Gateway waits',
    (deadlineMs) => {
      const { Timeout } = functionOf('ServeOfferCodes', stageWith({ offerCodes: { deadlineMs } }));
      expect(Timeout).toBeGreaterThanOrEqual(deadlineMs / 1000 + 5);
      expect(Timeout).toBeLessThan(29);
    },
  );

  test('are described as what they are', () => {
    for (const name of ['ServeOfferCodes', 'ServeTitles', 'ServePrices', 'DescribeService']) {
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
