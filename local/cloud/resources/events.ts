import * as z from 'zod';
import { parsePattern } from '../event-pattern.ts';
import { pathProblem, transformerProblem } from '../input-transformer.ts';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import type { BusDefinition, InputTransformer, RuleTarget } from '../model.ts';
import { integerBetween, resourceType, type ResourceContext } from '../resource-type.ts';
import { parseSchedule } from '../schedule-expression.ts';

const arnOf = (resource: string) => `arn:aws:events:${REGION}:${ACCOUNT_ID}:${resource}`;

export function busOf(name: string): BusDefinition {
  return { name, arn: arnOf(`event-bus/${name}`) };
}

export const eventBus = resourceType({
  properties: z.strictObject({ Name: z.string() }),
  inert: ['DeadLetterConfig', 'Description', 'LogConfig', 'Tags'],
  deploy({ Name }, context) {
    const bus = busOf(Name);
    context.model.buses.set(Name, bus);
    return { ref: Name, attributes: { Arn: bus.arn, Name } };
  },
});

/** Accepted events reach the caller's onEvent hook; there is no replay to keep them for. */
export const archive = resourceType({
  properties: z.strictObject({
    ArchiveName: z.string().optional(),
    SourceArn: z.string(),
    // Empty is the key that AWS owns.
    KmsKeyIdentifier: z.literal('').optional(),
  }),
  inert: ['Description', 'EventPattern', 'RetentionDays'],
  deploy({ ArchiveName, SourceArn }, context) {
    requireBus(SourceArn, 'SourceArn', context);
    const name = ArchiveName ?? context.name(48);
    return { ref: name, attributes: { Arn: arnOf(`archive/${name}`) } };
  },
});

export const RetryPolicy = z
  .strictObject({
    MaximumRetryAttempts: integerBetween(0, 185).optional(),
    MaximumEventAgeInSeconds: integerBetween(60, 86_400).optional(),
  })
  .optional();
export const DeadLetterConfig = z.strictObject({ Arn: z.string().optional() }).optional();

export function deliveryRetries(policy: z.infer<typeof RetryPolicy>) {
  return {
    maximumAttempts: policy?.MaximumRetryAttempts ?? 185,
    maximumAgeSeconds: policy?.MaximumEventAgeInSeconds ?? 86_400,
  };
}

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html */
const LONGEST_INPUT = 8192;

const Target = z.strictObject({
  Id: z.string(),
  Arn: z.string(),
  RoleArn: z.string().optional(),
  Input: z.string().max(LONGEST_INPUT).optional(),
  InputPath: z.string().optional(),
  InputTransformer: z
    .strictObject({
      InputPathsMap: z.record(z.string(), z.string()).optional(),
      InputTemplate: z.string().min(1).max(LONGEST_INPUT),
    })
    .optional(),
  SqsParameters: z.strictObject({ MessageGroupId: z.string().optional() }).optional(),
  RetryPolicy,
  DeadLetterConfig,
});

export const rule = resourceType({
  properties: z.strictObject({
    Name: z.string().optional(),
    EventBusName: z.string().optional(),
    EventPattern: z.record(z.string(), z.unknown()).optional(),
    ScheduleExpression: z.string().optional(),
    State: z.enum(['ENABLED', 'DISABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS']).optional(),
    Targets: z.array(Target).max(5, 'a rule has five targets at most').optional(),
  }),
  inert: ['Description', 'RoleArn', 'Tags'],
  deploy(properties, context) {
    // The name of a partner's bus has slashes in it.
    const busName = (properties.EventBusName ?? 'default').replace(/^arn:[^/]*:event-bus\//, '');
    if (busName !== 'default' && !context.model.buses.has(busName)) {
      throw context.unsupported('EventBusName', `${busName} is no bus of this template, nor one that was there before`);
    }
    if (!properties.EventPattern && !properties.ScheduleExpression) {
      throw context.unsupported('EventPattern', 'a rule has a pattern or a schedule');
    }
    const name = properties.Name ?? context.name(64);
    const onDefaultBus = busName === 'default';
    const arn = arnOf(onDefaultBus ? `rule/${name}` : `rule/${busName}/${name}`);
    const scheduleExpression = properties.ScheduleExpression;
    if (scheduleExpression) {
      if (!onDefaultBus) throw context.unsupported('ScheduleExpression', 'only the default bus has scheduled rules');
      checked('ScheduleExpression', context, () => parseSchedule(scheduleExpression));
    }
    context.model.rules.push({
      logicalId: context.logicalId,
      name,
      arn,
      busName,
      enabled: properties.State !== 'DISABLED',
      pattern:
        properties.EventPattern && checked('EventPattern', context, () => parsePattern(properties.EventPattern!)),
      scheduleExpression,
      targets: (properties.Targets ?? []).map((target, index) => ruleTarget(target, `Targets.${index}`, context)),
    });
    return { ref: onDefaultBus ? name : `${busName}|${name}`, attributes: { Arn: arn } };
  },
});

function ruleTarget(target: z.infer<typeof Target>, property: string, context: ResourceContext): RuleTarget {
  requireTarget(target.Arn, `${property}.Arn`, context, ['lambda', 'sqs', 'events']);
  const messageGroupId = target.SqsParameters?.MessageGroupId;
  if (context.model.queues.get(target.Arn)?.fifo && !messageGroupId) {
    throw context.unsupported(`${property}.SqsParameters`, 'a FIFO queue as a target wants a MessageGroupId');
  }
  const deadLetterArn = target.DeadLetterConfig?.Arn;
  if (deadLetterArn) requireDeadLetterQueue(deadLetterArn, `${property}.DeadLetterConfig.Arn`, context);
  return {
    id: target.Id,
    arn: target.Arn,
    ...(target.RoleArn === undefined ? {} : { roleArn: target.RoleArn }),
    ...targetInputOf(target, property, context),
    messageGroupId,
    retries: deliveryRetries(target.RetryPolicy),
    deadLetterArn,
  };
}

/** What the target is to get in place of the event. */
function targetInputOf(
  { Id, Arn, Input, InputPath, InputTransformer: transformer }: z.infer<typeof Target>,
  property: string,
  context: ResourceContext,
): Pick<RuleTarget, 'input' | 'inputPath' | 'inputTransformer'> {
  const given = Object.entries({ Input, InputPath, InputTransformer: transformer }).filter(
    ([, value]) => value !== undefined,
  );
  const [[name] = []] = given;
  if (name === undefined) return {};
  if (given.length > 1) {
    const reason = `only one of Input, InputPath, or InputTransformer must be provided for target ${Id}`;
    throw context.unsupported(property, reason);
  }
  if ([...context.model.buses.values()].some((bus) => bus.arn === Arn)) {
    throw context.unsupported(`${property}.${name}`, 'a bus gets the event as it is');
  }
  const inputTransformer: InputTransformer | undefined = transformer && {
    paths: transformer.InputPathsMap ?? {},
    template: transformer.InputTemplate,
  };
  const problem =
    (InputPath === undefined ? undefined : pathProblem(InputPath)) ??
    (inputTransformer && transformerProblem(inputTransformer));
  if (problem !== undefined) throw context.unsupported(`${property}.${name}`, problem);
  return { input: Input, inputPath: InputPath, inputTransformer };
}

/** Throws unless the ARN is that of a resource which this template makes and which is of one of the given services. */
export function requireTarget(
  arn: string,
  property: string,
  context: ResourceContext,
  services: ('lambda' | 'sqs' | 'events')[],
): void {
  const { model } = context;
  const exists = {
    lambda: () => model.functions.has(arn.replace(/:\$LATEST$/, '')),
    sqs: () => model.queues.has(arn),
    events: () => [...model.buses.values()].some((bus) => bus.arn === arn),
  };
  if (services.some((service) => exists[service]())) return;
  const names = { lambda: 'Lambda functions', sqs: 'SQS queues', events: 'event buses' };
  throw context.unsupported(
    property,
    `only ${services.map((service) => names[service]).join(', ')} of this template can be it, and ${arn} is none`,
  );
}

export function requireDeadLetterQueue(arn: string, property: string, context: ResourceContext): void {
  requireTarget(arn, property, context, ['sqs']);
  if (context.model.queues.get(arn)!.fifo)
    throw context.unsupported(property, 'AWS takes standard queues only here, and this one is FIFO');
}

export function checked<T>(property: string, context: ResourceContext, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw context.unsupported(property, (error as Error).message);
  }
}

function requireBus(arn: string, property: string, context: ResourceContext): void {
  requireTarget(arn, property, context, ['events']);
}
