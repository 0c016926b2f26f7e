import { Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { removalPolicyOf } from '../shared/removal.ts';

export interface RequestStoreProps {
  readonly settings: Settings;
}

/** What is remembered of partners' requests: idempotency keys and counters; and the key of every hash that is kept of what is sent. */
export class RequestStore extends Construct {
  /** One row for each idempotency key, and for each counter; rows leave by themselves. */
  readonly requests: Table;
  /** A key that nobody has to know. */
  readonly hashKey: Secret;

  constructor(scope: Construct, id: string, { settings }: RequestStoreProps) {
    super(scope, id);
    const removalPolicy = removalPolicyOf(settings);
    this.requests = new Table(this, 'Requests', {
      partitionKey: { name: 'requestId', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiresAt',
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: settings.removalPolicy === 'retain',
      removalPolicy,
    });
    this.hashKey = new Secret(this, 'HashKey', {
      description: `Key of the hashes of offer codes, request bodies and Amazon accounts of Offer Relay (${settings.stage})`,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy,
    });
    Validations.of(this.hashKey).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'With another key, the same code or account would have another hash, and a repeated request would look like a new one.',
    });
  }
}
