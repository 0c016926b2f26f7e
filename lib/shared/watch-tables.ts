import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
  type TableProps,
} from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { removalPolicyOf } from './removal.ts';

export interface WatchTablesProps {
  readonly settings: Settings;
}

/** What is watched, what was seen, and how fast may be asked. */
export class WatchTables extends Construct {
  /** One row for each watch with its latest state; index `lap` holds the watches of a bucket's class in packing order. */
  readonly watches: Table;
  readonly lapIndexArn: string;
  /**
   * One row for each version of a watch, and for a while one for each thing that happened once, such as a redemption; its
   * stream is the outbox, index `unpublished` what has not left it yet.
   */
  readonly history: Table;
  readonly historyStreamArn: string;
  readonly unpublishedIndexArn: string;
  /** One row for each upstream token bucket. */
  readonly buckets: Table;

  constructor(scope: Construct, id: string, { settings }: WatchTablesProps) {
    super(scope, id);

    const common = {
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: settings.removalPolicy === 'retain',
      removalPolicy: removalPolicyOf(settings),
    } as const satisfies Partial<TableProps>;

    this.watches = new Table(this, 'Watches', {
      partitionKey: { name: 'watchId', type: AttributeType.STRING },
      ...common,
    });
    this.watches.addGlobalSecondaryIndex({
      indexName: 'lap',
      partitionKey: { name: 'lap', type: AttributeType.STRING },
      sortKey: { name: 'watchId', type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.lapIndexArn = `${this.watches.tableArn}/index/lap`;

    this.history = new Table(this, 'History', {
      partitionKey: { name: 'watchId', type: AttributeType.STRING },
      sortKey: { name: 'version', type: AttributeType.NUMBER },
      stream: StreamViewType.NEW_IMAGE,
      // Versions of watches have no such attribute, and stay.
      timeToLiveAttribute: 'expiresAt',
      ...common,
    });
    this.history.addGlobalSecondaryIndex({
      indexName: 'unpublished',
      partitionKey: { name: 'unpublished', type: AttributeType.STRING },
      sortKey: { name: 'observedAt', type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    if (this.history.tableStreamArn === undefined) throw new Error('the history table has no stream');
    this.historyStreamArn = this.history.tableStreamArn;
    this.unpublishedIndexArn = `${this.history.tableArn}/index/unpublished`;

    this.buckets = new Table(this, 'Buckets', {
      partitionKey: { name: 'bucketId', type: AttributeType.STRING },
      ...common,
    });
  }
}
