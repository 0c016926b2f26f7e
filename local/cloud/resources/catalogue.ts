import type { ResourceType } from '../resource-type.ts';
import { globalTable, table } from './dynamodb.ts';
import { archive, eventBus, rule } from './events.ts';
import { eventInvokeConfig, eventSourceMapping, lambdaFunction } from './lambda.ts';
import { schedule, scheduleGroup } from './scheduler.ts';
import { queue } from './sqs.ts';
import { resourcesWithoutEffect } from './without-effect.ts';

/** Every resource type that the local cloud knows. Any other in a template is an error. */
export const resourceTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::DynamoDB::GlobalTable': globalTable,
  'AWS::DynamoDB::Table': table,
  'AWS::Events::Archive': archive,
  'AWS::Events::EventBus': eventBus,
  'AWS::Events::Rule': rule,
  'AWS::Lambda::EventInvokeConfig': eventInvokeConfig,
  'AWS::Lambda::EventSourceMapping': eventSourceMapping,
  'AWS::Lambda::Function': lambdaFunction,
  'AWS::SQS::Queue': queue,
  'AWS::Scheduler::Schedule': schedule,
  'AWS::Scheduler::ScheduleGroup': scheduleGroup,
  ...resourcesWithoutEffect,
};
