import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { removalPolicyOf } from '../shared/removal.ts';

export interface EntitlementTableProps {
  readonly settings: Settings;
}

/**
 * What players have claimed and been given, whose Amazon account is whose player's, and what SKUs hold. Rows stay for good:
 * by them nothing is granted twice.
 */
export class EntitlementTable extends Construct {
  /** Several kinds of rows; index `open` holds the entitlements that are claimed and not reported, in the order of age. */
  readonly entitlements: Table;
  readonly openIndexArn: string;

  constructor(scope: Construct, id: string, { settings }: EntitlementTableProps) {
    super(scope, id);
    this.entitlements = new Table(this, 'Entitlements', {
      partitionKey: { name: 'owner', type: AttributeType.STRING },
      sortKey: { name: 'part', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: settings.removalPolicy === 'retain',
      removalPolicy: removalPolicyOf(settings),
    });
    this.entitlements.addGlobalSecondaryIndex({
      indexName: 'open',
      partitionKey: { name: 'open', type: AttributeType.STRING },
      sortKey: { name: 'since', type: AttributeType.NUMBER },
      projectionType: ProjectionType.ALL,
    });
    this.openIndexArn = `${this.entitlements.tableArn}/index/open`;
  }
}
