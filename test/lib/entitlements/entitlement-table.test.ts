import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { stageWith } from '../partner-api/partner-stages.ts';
import { resourcesOf, templateOf, withoutHash } from '../synthesis.ts';

const template = stageWith();

test('rows are found by owner and part, and what is open by its shard in the order of age', () => {
  template.hasResourceProperties('AWS::DynamoDB::Table', {
    KeySchema: [
      { AttributeName: 'owner', KeyType: 'HASH' },
      { AttributeName: 'part', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'owner', AttributeType: 'S' },
      { AttributeName: 'part', AttributeType: 'S' },
      { AttributeName: 'open', AttributeType: 'S' },
      { AttributeName: 'since', AttributeType: 'N' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'open',
        KeySchema: [
          { AttributeName: 'open', KeyType: 'HASH' },
          { AttributeName: 'since', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  });
});

test('no row leaves by itself, since by it nothing is granted twice; the table is kept, restorable and encrypted', () => {
  const [id] = [...resourcesOf(template, 'AWS::DynamoDB::Table').keys()].filter(
    (one) => withoutHash(one) === 'EntitlementsStoreEntitlements',
  );
  expect(id).toBeDefined();
  template.hasResource('AWS::DynamoDB::Table', {
    Properties: {
      KeySchema: Match.arrayWith([{ AttributeName: 'owner', KeyType: 'HASH' }]),
      TimeToLiveSpecification: Match.absent(),
      StreamSpecification: Match.absent(),
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: true,
    },
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
  });
});

test('there is none where there are no partners, nor anything else of entitlements', () => {
  const without = templateOf('prod');
  expect([...resourcesOf(without).keys()].filter((id) => /entitlement/i.test(id))).toEqual([]);
  expect([...resourcesOf(template).keys()].filter((id) => /entitlement/i.test(id)).length).toBeGreaterThan(20);
});
