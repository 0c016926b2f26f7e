import { Stack, Validations } from 'aws-cdk-lib';
import { ApiKey, Period, UsagePlan } from 'aws-cdk-lib/aws-apigateway';
import { AccountPrincipal, Effect, PolicyDocument, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import type { Partner } from '../../lambdas/shared/settings.ts';
import type { ApiDocument, ApiOperation } from './api-document.ts';
import type { PartnerGateway } from './partner-gateway.ts';

export interface PartnerAccessProps {
  readonly name: string;
  readonly partner: Partner;
  readonly gateway: PartnerGateway;
  readonly document: ApiDocument;
  readonly settings: Settings;
}

/** How one partner is let in: a role that its account may assume, an API key, and the plan that the key counts against. */
export class PartnerAccess extends Construct {
  readonly role: Role;
  readonly apiKey: ApiKey;

  constructor(scope: Construct, id: string, props: PartnerAccessProps) {
    super(scope, id);
    const { name, partner, gateway, document, settings } = props;
    const { accountId, externalId, capabilities, plan } = partner;
    const operations = document.operations.filter(
      ({ capability }) => capability !== 'push' && (capability === 'service' || capabilities.includes(capability)),
    );

    this.role = new Role(this, 'Role', {
      description: `Lets the partner ${name} call Offer Relay (${settings.stage})`,
      assumedBy: new AccountPrincipal(accountId).withConditions({ StringEquals: { 'sts:ExternalId': externalId } }),
      inlinePolicies: {
        PartnerApi: new PolicyDocument({
          statements: [
            new PolicyStatement({
              effect: Effect.ALLOW,
              actions: ['execute-api:Invoke'],
              resources: operations.map((operation) => gateway.arnOf(operation)),
            }),
          ],
        }),
      },
    });
    this.acknowledgeWildcards(operations, gateway);

    this.apiKey = new ApiKey(this, 'ApiKey', { description: `Partner ${name} of Offer Relay (${settings.stage})` });
    const usagePlan = new UsagePlan(this, 'UsagePlan', {
      description: `Plan of the partner ${name} of Offer Relay (${settings.stage})`,
      throttle: { rateLimit: plan.perSecond, burstLimit: plan.burst },
      ...(plan.quota && { quota: { limit: plan.quota.requests, period: Period[plan.quota.period] } }),
      apiStages: [{ api: gateway.api, stage: gateway.api.deploymentStage }],
    });
    usagePlan.addApiKey(this.apiKey);
  }

  private acknowledgeWildcards(operations: readonly ApiOperation[], gateway: PartnerGateway): void {
    const arns = operations.map(
      (operation) => Stack.of(this).resolve(gateway.arnOf(operation)) as { 'Fn::Sub': string },
    );
    Validations.of(this.role).acknowledge(
      ...arns
        .map((arn) => arn['Fn::Sub'])
        .filter((arn) => arn.includes('*'))
        .map((arn) => ({
          id: `AwsSolutions-IAM5[Resource::${arn.replaceAll('${', '<').replaceAll('}', '>')}]`,
          reason: 'A star stands for a parameter of the path: the routes are named one by one.',
        })),
    );
  }
}
