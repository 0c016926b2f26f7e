import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import { resourceType } from '../resource-type.ts';
import { parseSchedule } from '../schedule-expression.ts';
import {
  checked,
  DeadLetterConfig,
  deliveryRetries,
  requireDeadLetterQueue,
  requireTarget,
  RetryPolicy,
} from './events.ts';

const Moment = z.iso.datetime({ offset: true, local: true }).transform((text) => new Date(text));

export const schedule = resourceType({
  properties: z.strictObject({
    Name: z.string().optional(),
    GroupName: z.string().optional(),
    ScheduleExpression: z.string(),
    ScheduleExpressionTimezone: z.enum(['UTC', 'Etc/UTC'], 'schedules run in UTC only').optional(),
    FlexibleTimeWindow: z.strictObject({ Mode: z.literal('OFF', 'flexible windows are not supported') }),
    State: z.enum(['ENABLED', 'DISABLED']).optional(),
    StartDate: Moment.optional(),
    EndDate: Moment.optional(),
    Target: z.strictObject({
      Arn: z.string(),
      RoleArn: z.string(),
      Input: z.string().optional(),
      SqsParameters: z.strictObject({ MessageGroupId: z.string().optional() }).optional(),
      RetryPolicy,
      DeadLetterConfig,
    }),
  }),
  inert: ['Description', 'KmsKeyArn'],
  deploy(properties, context) {
    const { Target: target, ScheduleExpression: expression } = properties;
    checked('ScheduleExpression', context, () => parseSchedule(expression));
    requireTarget(target.Arn, 'Target.Arn', context, ['lambda', 'sqs']);
    const messageGroupId = target.SqsParameters?.MessageGroupId;
    if (context.model.queues.get(target.Arn)?.fifo && !messageGroupId) {
      throw context.unsupported('Target.SqsParameters', 'a FIFO queue as a target wants a MessageGroupId');
    }
    const deadLetterArn = target.DeadLetterConfig?.Arn;
    if (deadLetterArn) requireDeadLetterQueue(deadLetterArn, 'Target.DeadLetterConfig.Arn', context);
    const name = properties.Name ?? context.name(64);
    const arn = `arn:aws:scheduler:${REGION}:${ACCOUNT_ID}:schedule/${properties.GroupName ?? 'default'}/${name}`;
    context.model.schedules.push({
      logicalId: context.logicalId,
      name,
      arn,
      expression,
      enabled: properties.State !== 'DISABLED',
      startDate: properties.StartDate,
      endDate: properties.EndDate,
      target: {
        arn: target.Arn,
        roleArn: target.RoleArn,
        input: target.Input,
        messageGroupId,
        retries: deliveryRetries(target.RetryPolicy),
        deadLetterArn,
      },
    });
    return { ref: name, attributes: { Arn: arn } };
  },
});

export const scheduleGroup = resourceType({
  properties: z.strictObject({ Name: z.string().optional() }),
  inert: ['Tags'],
  deploy({ Name }, context) {
    const name = Name ?? context.name(64);
    return { ref: name, attributes: { Arn: `arn:aws:scheduler:${REGION}:${ACCOUNT_ID}:schedule-group/${name}` } };
  },
});
