import { describe, expect, test } from 'vitest';
import type { Template } from '../../local/cloud/assembly.ts';
import { createCloud } from '../../local/cloud/cloud.ts';
import { createIntrinsics } from '../../local/cloud/intrinsics.ts';
import { physicalName } from '../../local/cloud/physical-name.ts';
import {
  cloudOf,
  temporaryDirectory,
  writeAssembly,
  type AssemblyParts,
  type Resources,
} from './hand-written-assembly.ts';

const location = { logicalId: 'Thing', type: 'Test::Thing', property: 'Value' };

describe('an intrinsic function', () => {
  const template: Template = {
    Resources: {},
    Parameters: { Stage: { Type: 'String', Default: 'local' }, Needed: { Type: 'String' } as never },
    Mappings: { Regions: { 'us-east-1': { ami: 'x' } } },
    Conditions: {
      IsLocal: { 'Fn::Equals': [{ Ref: 'Stage' }, 'local'] },
      IsProd: { 'Fn::Not': [{ Condition: 'IsLocal' }] },
      Both: { 'Fn::And': [{ Condition: 'IsLocal' }, { Condition: 'IsProd' }] },
      Either: { 'Fn::Or': [{ Condition: 'IsLocal' }, { Condition: 'IsProd' }] },
    },
  };
  const resources = new Map([['Queue', { ref: 'http://q', attributes: { Arn: 'arn:q', 'Nested.Name': 'n' } }]]);
  const intrinsics = createIntrinsics(template, 'Stack', resources);

  test.each<[string, unknown, unknown]>([
    ['Ref to a resource', { Ref: 'Queue' }, 'http://q'],
    ['Ref to a parameter', { Ref: 'Stage' }, 'local'],
    ['Ref to a pseudo parameter', { Ref: 'AWS::Region' }, 'us-east-1'],
    ['Fn::GetAtt', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:q'],
    ['Fn::GetAtt with dots', { 'Fn::GetAtt': 'Queue.Nested.Name' }, 'n'],
    ['Fn::Join', { 'Fn::Join': ['-', ['a', { Ref: 'AWS::AccountId' }]] }, 'a-000000000000'],
    ['Fn::Select of Fn::Split', { 'Fn::Select': [1, { 'Fn::Split': [':', { 'Fn::GetAtt': ['Queue', 'Arn'] }] }] }, 'q'],
    ['Fn::Sub', { 'Fn::Sub': '${Stage}/${Queue.Arn}/${AWS::Partition}/${!Literal}' }, 'local/arn:q/aws/${Literal}'],
    ['Fn::Sub with variables', { 'Fn::Sub': ['${a}${Stage}', { a: { Ref: 'Queue' } }] }, 'http://qlocal'],
    ['Fn::FindInMap', { 'Fn::FindInMap': ['Regions', { Ref: 'AWS::Region' }, 'ami'] }, 'x'],
    ['Fn::If', { 'Fn::If': ['IsLocal', 'yes', { Ref: 'Nowhere' }] }, 'yes'],
    ['Fn::If on a negation', { 'Fn::If': ['IsProd', 'yes', 'no'] }, 'no'],
    ['Fn::And', { 'Fn::If': ['Both', 'yes', 'no'] }, 'no'],
    ['Fn::Or', { 'Fn::If': ['Either', 'yes', 'no'] }, 'yes'],
    [
      'AWS::NoValue drops a property',
      { a: 1, b: { 'Fn::If': ['IsProd', 1, { Ref: 'AWS::NoValue' }] }, c: [{ Ref: 'AWS::NoValue' }, 2] },
      { a: 1, c: [2] },
    ],
    [
      "a policy's Condition is no intrinsic",
      { Condition: { StringEquals: { a: 'b' } } },
      { Condition: { StringEquals: { a: 'b' } } },
    ],
  ])('%s', (_, value, expected) => expect(intrinsics.resolve(value, location)).toEqual(expected));

  test.each<[string, unknown, RegExp]>([
    [
      'Fn::ImportValue',
      { deep: [{ 'Fn::ImportValue': 'x' }] },
      /^Thing \(Test::Thing\), property Value\.deep\.0: Fn::ImportValue is not supported/,
    ],
    ['a parameter without default', { Ref: 'Needed' }, /parameter Needed has no default/],
    ['an unknown reference', { Ref: 'Nowhere' }, /refers to Nowhere/],
    ['an attribute that is not played', { 'Fn::GetAtt': ['Queue', 'Other'] }, /Queue\.Other is not supported/],
    ['a dynamic reference', 'x{{resolve:ssm:y}}', /dynamic references/],
  ])('is refused: %s', (_, value, message) => expect(() => intrinsics.resolve(value, location)).toThrow(message));
});

test('names are stable, hold stack and logical id, and fit their service', () => {
  expect(physicalName('Stack', 'WatchesTable', 255)).toBe(physicalName('Stack', 'WatchesTable', 255));
  expect(physicalName('Stack', 'WatchesTable', 255)).toMatch(/^Stack-WatchesTable-[0-9A-Z]{12}$/);
  const long = physicalName('A'.repeat(100), 'B'.repeat(100), 64, '.fifo');
  expect(long).toHaveLength(64);
  expect(long).toMatch(/^A+-B+-[0-9A-Z]{12}\.fifo$/);
});

const queue: Resources = { Queue: { Type: 'AWS::SQS::Queue' } };
const simpleFunction = { Work: { code: 'export const handler = () => 1;' } };
const mapping = (properties: object): AssemblyParts => ({
  resources: {
    ...queue,
    Source: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: { EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] }, FunctionName: { Ref: 'Work' }, ...properties },
    },
  },
  functions: simpleFunction,
});

test.each<[string, AssemblyParts, RegExp]>([
  [
    'a type it does not know',
    { resources: { Pool: { Type: 'AWS::Cognito::UserPool' } } },
    /^Pool \(AWS::Cognito::UserPool\): this resource type is not supported/,
  ],
  ['a parameter in the template', { resources: { S: { Type: 'AWS::SSM::Parameter' } } }, /^S \(AWS::SSM::Parameter\)/],
  [
    'a property it does not know',
    { resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { Colour: 'red' } } } },
    /^Q \(AWS::SQS::Queue\), property Colour: this property is not supported/,
  ],
  [
    'a nested property it does not know',
    mapping({ ScalingConfig: { MinimumPollers: 2 } }),
    /property ScalingConfig\.MinimumPollers/,
  ],
  [
    'a tumbling window',
    mapping({ TumblingWindowInSeconds: 10 }),
    /^Source \(AWS::Lambda::EventSourceMapping\), property TumblingWindowInSeconds/,
  ],
  [
    'a maximum concurrency of one',
    mapping({ ScalingConfig: { MaximumConcurrency: 1 } }),
    /property ScalingConfig\.MaximumConcurrency: .*between 2 and 1000/,
  ],
  ['a stream setting on a queue', mapping({ StartingPosition: 'LATEST' }), /property StartingPosition/],
  [
    'a filter that is no pattern',
    mapping({ FilterCriteria: { Filters: [{ Pattern: '{"a":1}' }] } }),
    /property FilterCriteria\.Filters\.0\.Pattern: a must be a list/,
  ],
  [
    'a visibility time-out below the function time-out',
    { ...mapping({}), functions: { Work: { code: '', properties: { Timeout: 60 } } } },
    /visibility time-out \(30 s\) is less than the function's time-out \(60 s\)/,
  ],
  [
    'a variable that Lambda reserves',
    {
      resources: {},
      functions: { Work: { code: '', properties: { Environment: { Variables: { AWS_REGION: 'x' } } } } },
    },
    /property Environment\.Variables\.AWS_REGION/,
  ],
  [
    'a runtime other than Node',
    { resources: {}, functions: { Work: { code: '', properties: { Runtime: 'python3.13' } } } },
    /property Runtime: .*only Node\.js/,
  ],
  [
    'code that is no asset',
    { resources: {}, functions: { Work: { code: '', properties: { Code: { S3Key: 'other.zip' } } } } },
    /property Code: /,
  ],
  [
    'a reserved concurrency',
    { resources: {}, functions: { Work: { code: '', properties: { ReservedConcurrentExecutions: 1 } } } },
    /property ReservedConcurrentExecutions/,
  ],
  [
    'a time zone',
    {
      resources: {
        S: {
          Type: 'AWS::Scheduler::Schedule',
          Properties: {
            ScheduleExpression: 'rate(1 minute)',
            ScheduleExpressionTimezone: 'Europe/Berlin',
            FlexibleTimeWindow: { Mode: 'OFF' },
            Target: { Arn: 'x', RoleArn: 'r' },
          },
        },
      },
    },
    /property ScheduleExpressionTimezone: .*UTC/,
  ],
  [
    'a second replica',
    {
      resources: {
        T: {
          Type: 'AWS::DynamoDB::GlobalTable',
          Properties: {
            AttributeDefinitions: [],
            KeySchema: [{ AttributeName: 'a', KeyType: 'HASH' }],
            Replicas: [{ Region: 'us-east-1' }, { Region: 'eu-west-1' }],
          },
        },
      },
    },
    /property Replicas: .*one replica/,
  ],
  [
    'a circle',
    { resources: { A: { Type: 'AWS::SQS::Queue', DependsOn: 'B' }, B: { Type: 'AWS::SQS::Queue', DependsOn: ['A'] } } },
    /circle: A → B → A/,
  ],
])('%s is one clear error', async (_, parts, message) => {
  const creation = createCloud({ enforcement: 'off', assembly: writeAssembly(parts), dataDir: temporaryDirectory() });
  await expect(creation).rejects.toThrow(message);
});

test('resources whose condition is false are not there', async () => {
  const cloud = await cloudOf({
    resources: { ...queue, Gone: { Type: 'AWS::SQS::Queue', Condition: 'Never' } },
    template: {
      Conditions: { Never: { 'Fn::Equals': ['a', 'b'] } },
      Outputs: {
        Gone: { Condition: 'Never', Value: { Ref: 'Gone' } },
        Queue: { Value: { 'Fn::GetAtt': ['Queue', 'QueueName'] } },
      },
    },
  });
  expect([...cloud.resources.keys()]).toEqual(['Queue']);
  expect(cloud.outputs).toEqual({ Queue: expect.stringMatching(/^Stack-Queue-/) });
});

test('properties without effect here are accepted, and policies stay readable', async () => {
  const statement = { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] } };
  const cloud = await cloudOf({
    resources: {
      Queue: {
        Type: 'AWS::SQS::Queue',
        Properties: { KmsMasterKeyId: 'alias/aws/sqs', Tags: [], RedriveAllowPolicy: {}, SqsManagedSseEnabled: true },
      },
      Policy: { Type: 'AWS::IAM::Policy', Properties: { PolicyName: 'p', PolicyDocument: { Statement: [statement] } } },
      Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: { Statement: [] } } },
      Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: { Threshold: 1 } },
      Topic: { Type: 'AWS::SNS::Topic' },
      Metadata: { Type: 'AWS::CDK::Metadata' },
    },
    template: { Outputs: { Topic: { Value: { Ref: 'Topic' } }, Alarm: { Value: { 'Fn::GetAtt': ['Alarm', 'Arn'] } } } },
  });
  const arn = cloud.resources.get('Queue')!.arn;
  expect(cloud.resources.get('Policy')!.properties).toMatchObject({
    PolicyDocument: { Statement: [{ Resource: arn }] },
  });
  expect(cloud.outputs['Topic']).toMatch(/^arn:aws:sns:us-east-1:000000000000:Stack-Topic-/);
});

test('a resource is found by the end of its construct path', async () => {
  const cloud = await cloudOf({
    resources: { ...queue, Other: { Type: 'AWS::SQS::Queue' } },
    paths: { Queue: 'Stack/OfferStatus/Slices/Resource', Other: 'Stack/Pricing/Slices/Resource' },
  });
  expect(cloud.physicalId('OfferStatus/Slices')).toBe(cloud.resources.get('Queue')!.physicalId);
  expect(() => cloud.physicalId('Slices')).toThrow(/Several resources .*Queue .*Other/);
  expect(() => cloud.physicalId('Status/Slices')).toThrow(/No resource/);
});

test('a directory without an assembly is one clear error', async () => {
  await expect(createCloud({ assembly: temporaryDirectory(), dataDir: temporaryDirectory() })).rejects.toThrow(
    /no manifest\.json/,
  );
});
