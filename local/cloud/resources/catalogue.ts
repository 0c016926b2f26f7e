import type { ResourceType } from '../resource-type.ts';
import {
  apiGatewayAccount,
  apiKey,
  deployment,
  gatewayResponse,
  method,
  model,
  requestValidator,
  resource,
  restApi,
  stage,
  usagePlan,
  usagePlanKey,
} from './api-gateway.ts';
import { globalTable, table } from './dynamodb.ts';
import { archive, eventBus, rule } from './events.ts';
import { eventBusPolicy, lambdaPermission, managedPolicy, policy, queuePolicy, role } from './iam.ts';
import { eventInvokeConfig, eventSourceMapping, lambdaFunction } from './lambda.ts';
import { schedule, scheduleGroup } from './scheduler.ts';
import { secret } from './secrets.ts';
import { queue } from './sqs.ts';
import { resourcesWithoutEffect } from './without-effect.ts';

/** Every resource type that the local cloud knows. Any other in a template is an error. */
export const resourceTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::ApiGateway::Account': apiGatewayAccount,
  'AWS::ApiGateway::ApiKey': apiKey,
  'AWS::ApiGateway::Deployment': deployment,
  'AWS::ApiGateway::GatewayResponse': gatewayResponse,
  'AWS::ApiGateway::Method': method,
  'AWS::ApiGateway::Model': model,
  'AWS::ApiGateway::RequestValidator': requestValidator,
  'AWS::ApiGateway::Resource': resource,
  'AWS::ApiGateway::RestApi': restApi,
  'AWS::ApiGateway::Stage': stage,
  'AWS::ApiGateway::UsagePlan': usagePlan,
  'AWS::ApiGateway::UsagePlanKey': usagePlanKey,
  'AWS::DynamoDB::GlobalTable': globalTable,
  'AWS::DynamoDB::Table': table,
  'AWS::Events::Archive': archive,
  'AWS::Events::EventBus': eventBus,
  'AWS::Events::EventBusPolicy': eventBusPolicy,
  'AWS::Events::Rule': rule,
  'AWS::IAM::ManagedPolicy': managedPolicy,
  'AWS::IAM::Policy': policy,
  'AWS::IAM::Role': role,
  'AWS::Lambda::EventInvokeConfig': eventInvokeConfig,
  'AWS::Lambda::EventSourceMapping': eventSourceMapping,
  'AWS::Lambda::Function': lambdaFunction,
  'AWS::Lambda::Permission': lambdaPermission,
  'AWS::SQS::Queue': queue,
  'AWS::SQS::QueuePolicy': queuePolicy,
  'AWS::Scheduler::Schedule': schedule,
  'AWS::Scheduler::ScheduleGroup': scheduleGroup,
  'AWS::SecretsManager::Secret': secret,
  ...resourcesWithoutEffect,
};
