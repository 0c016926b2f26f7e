import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import { resourceType, type ResourceType } from '../resource-type.ts';

/**
 * Resources that are known and have no effect on this machine: alarms and dashboards, log groups, notifications, domain
 * names. Others may still refer to them by name or ARN.
 */
function withoutEffect(options: {
  /** The property that names it; without one it has no name of its own. */
  nameProperty?: string;
  maxNameLength?: number;
  arn?: (name: string) => string;
  /** What `Ref` gives: the name, unless said otherwise. */
  ref?: 'name' | 'arn';
  attributes?: (name: string, arn: string) => Record<string, string>;
}): ResourceType {
  return resourceType({
    properties: z.looseObject({}),
    inert: [],
    deploy(properties, context) {
      const given = options.nameProperty ? properties[options.nameProperty] : undefined;
      const name = typeof given === 'string' ? given : context.name(options.maxNameLength ?? 128);
      const arn = options.arn?.(name);
      const attributes = options.attributes?.(name, arn ?? '') ?? (arn === undefined ? {} : { Arn: arn });
      return { ref: options.ref === 'arn' ? (arn ?? name) : name, attributes };
    },
  });
}

const regional = (service: string, resource: (name: string) => string) => (name: string) =>
  `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${resource(name)}`;

export const resourcesWithoutEffect: Record<string, ResourceType> = {
  'AWS::ApiGateway::BasePathMapping': withoutEffect({}),
  'AWS::ApiGateway::DomainName': withoutEffect({
    nameProperty: 'DomainName',
    arn: (name) => `arn:aws:apigateway:${REGION}::/domainnames/${name}`,
    attributes: (name, arn) => ({
      DomainNameArn: arn,
      RegionalDomainName: `d-${name}.execute-api.${REGION}.amazonaws.com`,
      // API Gateway's own zone in this region.
      RegionalHostedZoneId: 'Z1UJRXOUMOOFQ8',
    }),
  }),
  'AWS::CDK::Metadata': withoutEffect({}),
  'AWS::CloudWatch::Alarm': withoutEffect({
    nameProperty: 'AlarmName',
    arn: regional('cloudwatch', (name) => `alarm:${name}`),
  }),
  'AWS::CloudWatch::CompositeAlarm': withoutEffect({
    nameProperty: 'AlarmName',
    arn: regional('cloudwatch', (name) => `alarm:${name}`),
  }),
  'AWS::CloudWatch::Dashboard': withoutEffect({ nameProperty: 'DashboardName' }),
  'AWS::Logs::LogGroup': withoutEffect({
    nameProperty: 'LogGroupName',
    arn: regional('logs', (name) => `log-group:${name}:*`),
  }),
  'AWS::SNS::Subscription': withoutEffect({}),
  'AWS::SNS::Topic': withoutEffect({
    nameProperty: 'TopicName',
    arn: regional('sns', (name) => name),
    ref: 'arn',
    attributes: (name, arn) => ({ TopicArn: arn, TopicName: name }),
  }),
  'AWS::SNS::TopicPolicy': withoutEffect({}),
  'AWS::WAFv2::WebACLAssociation': withoutEffect({}),
};
