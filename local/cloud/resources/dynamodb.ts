import * as z from 'zod';
import { AwsCallError } from '../aws-call.ts';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import { bool, inert, resourceType, type Deployed, type ResourceContext } from '../resource-type.ts';

const KeySchema = z.array(z.strictObject({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) })).min(1);
const Projection = z.strictObject({
  ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
  NonKeyAttributes: z.array(z.string()).optional(),
});
const SecondaryIndex = z.strictObject({
  IndexName: z.string(),
  KeySchema,
  Projection,
  ProvisionedThroughput: inert,
  OnDemandThroughput: inert,
  WarmThroughput: inert,
  ContributorInsightsSpecification: inert,
  WriteProvisionedThroughputSettings: inert,
  ReadProvisionedThroughputSettings: inert,
  WriteOnDemandThroughputSettings: inert,
  ReadOnDemandThroughputSettings: inert,
});
const TimeToLive = z.strictObject({ AttributeName: z.string().optional(), Enabled: bool });

const common = {
  TableName: z.string().optional(),
  AttributeDefinitions: z.array(z.strictObject({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) })),
  KeySchema,
  GlobalSecondaryIndexes: z.array(SecondaryIndex).optional(),
  LocalSecondaryIndexes: z.array(SecondaryIndex).optional(),
  TimeToLiveSpecification: TimeToLive.optional(),
  // A key of one's own would need permissions for it, which nobody judges here.
  SSESpecification: z.strictObject({ SSEEnabled: bool.optional(), SSEType: z.literal('KMS').optional() }).optional(),
};
const StreamView = z.enum(['NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES', 'KEYS_ONLY']);
const StreamSpecification = z.strictObject({ StreamViewType: StreamView });

const Table = z.strictObject({ ...common, StreamSpecification: StreamSpecification.optional() });
type Table = z.infer<typeof Table>;

/** Throughput and capacity limits are not played: every table is on demand. */
const INERT_FOR_TABLES = [
  'BillingMode',
  'ContributorInsightsSpecification',
  'DeletionProtectionEnabled',
  'OnDemandThroughput',
  'PointInTimeRecoverySpecification',
  'ProvisionedThroughput',
  'TableClass',
  'Tags',
  'WarmThroughput',
];

export const table = resourceType({ properties: Table, inert: INERT_FOR_TABLES, deploy: deployTable });

const Replica = z.strictObject({
  Region: z.string(),
  ContributorInsightsSpecification: inert,
  DeletionProtectionEnabled: inert,
  GlobalSecondaryIndexes: inert,
  PointInTimeRecoverySpecification: inert,
  ReadOnDemandThroughputSettings: inert,
  ReadProvisionedThroughputSettings: inert,
  ReplicaStreamSpecification: inert,
  TableClass: inert,
  Tags: inert,
});
const GlobalTable = z.strictObject({
  ...common,
  StreamSpecification: StreamSpecification.optional(),
  Replicas: z.array(Replica),
});

export const globalTable = resourceType({
  properties: GlobalTable,
  inert: [
    'BillingMode',
    'MultiRegionConsistency',
    'ReadOnDemandThroughputSettings',
    'ReadProvisionedThroughputSettings',
    'WarmThroughput',
    'WriteOnDemandThroughputSettings',
    'WriteProvisionedThroughputSettings',
  ],
  deploy({ Replicas, ...properties }, context) {
    if (Replicas.length !== 1)
      throw context.unsupported('Replicas', 'the local cloud is one region: it takes one replica');
    if (Replicas[0]!.Region !== REGION)
      throw context.unsupported('Replicas.0.Region', `the local cloud's region is ${REGION}`);
    return deployTable(properties, context);
  },
});

interface TableDescription {
  TableId?: string;
  KeySchema: { AttributeName: string; KeyType: string }[];
  GlobalSecondaryIndexes?: { IndexName: string }[];
  LatestStreamArn?: string;
  LatestStreamLabel?: string;
  StreamSpecification?: { StreamEnabled: boolean; StreamViewType: string };
}

async function deployTable(properties: Table, context: ResourceContext): Promise<Deployed> {
  const name = properties.TableName ?? context.name(255);
  const stream = properties.StreamSpecification;
  const existing = await describeTable(name, context);
  if (existing) await updateTable(name, existing, properties, context);
  else {
    await context.dynamodb.call('CreateTable', {
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: properties.AttributeDefinitions,
      KeySchema: properties.KeySchema,
      GlobalSecondaryIndexes: properties.GlobalSecondaryIndexes?.map(indexForEngine),
      LocalSecondaryIndexes: properties.LocalSecondaryIndexes?.map(indexForEngine),
      StreamSpecification: stream && { StreamEnabled: true, StreamViewType: stream.StreamViewType },
    });
  }
  const description = await describeTable(name, context);
  if (!description) throw context.unsupported('TableName', `the DynamoDB engine did not keep the table ${name}`);

  const attributes: Record<string, string> = {
    Arn: `arn:aws:dynamodb:${REGION}:${ACCOUNT_ID}:table/${name}`,
    TableId: description.TableId ?? name,
  };
  if (stream) {
    const arn = `${attributes['Arn']}/stream/${description.LatestStreamLabel}`;
    attributes['StreamArn'] = arn;
    context.model.streams.set(arn, { arn, tableName: name, engineArn: description.LatestStreamArn! });
  }
  const ttl = properties.TimeToLiveSpecification;
  if (ttl?.Enabled) {
    if (!ttl.AttributeName)
      throw context.unsupported('TimeToLiveSpecification.AttributeName', 'it is needed where TTL is enabled');
    const keys = properties.KeySchema.map((key) => key.AttributeName);
    context.model.timeToLive.push({ tableName: name, attribute: ttl.AttributeName, keys });
    await context.dynamodb
      .call('UpdateTimeToLive', {
        TableName: name,
        TimeToLiveSpecification: { Enabled: true, AttributeName: ttl.AttributeName },
      })
      .catch((error: unknown) => {
        // A table that was there already has it enabled, which AWS and the engine report as an error.
        if (!(error instanceof AwsCallError && existing)) throw error;
      });
  }
  return { ref: name, attributes };
}

function indexForEngine(index: z.infer<typeof SecondaryIndex>) {
  return { IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection };
}

async function describeTable(name: string, context: ResourceContext): Promise<TableDescription | undefined> {
  try {
    return (await context.dynamodb.call<{ Table: TableDescription }>('DescribeTable', { TableName: name })).Table;
  } catch (error) {
    if (error instanceof AwsCallError && error.code === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** A table from an earlier run: indexes and the stream may have come or gone in the template since. */
async function updateTable(
  name: string,
  existing: TableDescription,
  wanted: Table,
  context: ResourceContext,
): Promise<void> {
  const keys = (schema: TableDescription['KeySchema']) =>
    schema.map((key) => `${key.AttributeName} ${key.KeyType}`).join();
  if (keys(existing.KeySchema) !== keys(wanted.KeySchema)) {
    throw context.unsupported(
      'KeySchema',
      `the data directory holds this table with other keys; delete that directory to start anew`,
    );
  }
  const before = new Set(existing.GlobalSecondaryIndexes?.map((index) => index.IndexName));
  const after = new Set(wanted.GlobalSecondaryIndexes?.map((index) => index.IndexName));
  for (const index of wanted.GlobalSecondaryIndexes ?? []) {
    if (before.has(index.IndexName)) continue;
    await context.dynamodb.call('UpdateTable', {
      TableName: name,
      AttributeDefinitions: wanted.AttributeDefinitions,
      GlobalSecondaryIndexUpdates: [{ Create: indexForEngine(index) }],
    });
  }
  for (const index of before) {
    if (after.has(index)) continue;
    await context.dynamodb.call('UpdateTable', {
      TableName: name,
      GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: index } }],
    });
  }
  const view = wanted.StreamSpecification?.StreamViewType;
  const current = existing.StreamSpecification?.StreamEnabled ? existing.StreamSpecification.StreamViewType : undefined;
  if (view === current) return;
  if (current)
    await context.dynamodb.call('UpdateTable', { TableName: name, StreamSpecification: { StreamEnabled: false } });
  if (view) {
    await context.dynamodb.call('UpdateTable', {
      TableName: name,
      StreamSpecification: { StreamEnabled: true, StreamViewType: view },
    });
  }
}
