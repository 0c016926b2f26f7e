import { Aws, Duration } from 'aws-cdk-lib';
import { Archive, CfnEventBusPolicy, EventBus } from 'aws-cdk-lib/aws-events';
import { AccountPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { removalPolicyOf } from '../shared/removal.ts';

export interface ChangeBusProps {
  readonly settings: Settings;
}

/** The bus that downstream systems subscribe to, with an archive to replay from. */
export class ChangeBus extends Construct {
  readonly bus: EventBus;

  constructor(scope: Construct, id: string, { settings }: ChangeBusProps) {
    super(scope, id);
    this.bus = new EventBus(this, 'Bus', {
      // CDK gives a bus a name of its own making; the stack's name in it keeps stages apart.
      description: `What changed, as seen by Offer Relay (${settings.stage})`,
    });

    const archive = new Archive(this, 'Archive', {
      sourceEventBus: this.bus,
      eventPattern: { source: ['offer-relay'] },
      retention: Duration.days(settings.bus.archiveDays),
    });
    // Both or neither: an archive holds a rule on its bus, and a bus with rules cannot be deleted. What is kept bars its
    // name to a later stack of this stage.
    for (const part of [this.bus, archive]) part.applyRemovalPolicy(removalPolicyOf(settings));

    if (settings.bus.subscriberAccounts.length > 0) this.allowRules(settings);
  }

  /** Lets each subscriber account manage rules on the bus: those that it created, and nobody else's. */
  private allowRules({ stage, bus }: Settings): void {
    // CloudFormation wants it unique in account and region. What a stage's name may hold, it may hold as well.
    const sid = `OfferRelay-${stage}`;
    new CfnEventBusPolicy(this, 'SubscriberRules', {
      eventBusName: this.bus.eventBusName,
      statementId: sid,
      statement: new PolicyStatement({
        sid,
        effect: Effect.ALLOW,
        principals: bus.subscriberAccounts.map((account) => new AccountPrincipal(account)),
        actions: [
          'events:PutRule',
          'events:DeleteRule',
          'events:DescribeRule',
          'events:DisableRule',
          'events:EnableRule',
          'events:PutTargets',
          'events:RemoveTargets',
          'events:ListTargetsByRule',
          'events:TagResource',
          'events:UntagResource',
          'events:ListTagsForResource',
        ],
        resources: [`arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:rule/${this.bus.eventBusName}/*`],
        conditions: { StringEqualsIfExists: { 'events:creatorAccount': '${aws:PrincipalAccount}' } },
      }).toStatementJson() as unknown,
    });
  }
}
