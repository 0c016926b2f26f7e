import { describe, expect, test } from 'vitest';
import { resourcesOf, templateOf, withoutHash } from '../synthesis.ts';

const template = templateOf('prod');

describe('watch tables', () => {
  test('watches are found by id, and by lap in key order', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [{ AttributeName: 'watchId', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'lap',
          KeySchema: [
            { AttributeName: 'lap', KeyType: 'HASH' },
            { AttributeName: 'watchId', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    });
  });

  test('history is found by watch and version, and by shard while unpublished; its stream holds new rows', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'watchId', KeyType: 'HASH' },
        { AttributeName: 'version', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'watchId', AttributeType: 'S' },
        { AttributeName: 'version', AttributeType: 'N' },
        { AttributeName: 'unpublished', AttributeType: 'S' },
        { AttributeName: 'observedAt', AttributeType: 'S' },
      ],
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
      GlobalSecondaryIndexes: [
        {
          IndexName: 'unpublished',
          KeySchema: [
            { AttributeName: 'unpublished', KeyType: 'HASH' },
            { AttributeName: 'observedAt', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    });
  });

  test('only what happened once leaves the history by itself', () => {
    const forgetful = [...resourcesOf(template, 'AWS::DynamoDB::Table')].flatMap(([id, { Properties }]) =>
      Properties['TimeToLiveSpecification'] === undefined
        ? []
        : [[withoutHash(id), Properties['TimeToLiveSpecification']]],
    );
    expect(forgetful).toEqual([['WatchTablesHistory', { AttributeName: 'expiresAt', Enabled: true }]]);
  });

  test('all three are paid by use, encrypted and can be restored to any moment', () => {
    expect(resourcesOf(template, 'AWS::DynamoDB::Table').size).toBe(3);
    template.allResourcesProperties('AWS::DynamoDB::Table', {
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });
});
