import * as z from 'zod';
import { AwsCallError } from '../aws-call.ts';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import { bool, integerBetween, resourceType } from '../resource-type.ts';

const Queue = z.strictObject({
  QueueName: z
    .string()
    .regex(/^[\w-]{1,80}$|^[\w-]{1,75}\.fifo$/, 'a queue name has 1 to 80 letters, digits, hyphens and underscores')
    .optional(),
  FifoQueue: bool.optional(),
  ContentBasedDeduplication: bool.optional(),
  DeduplicationScope: z.enum(['queue', 'messageGroup']).optional(),
  FifoThroughputLimit: z.enum(['perQueue', 'perMessageGroupId']).optional(),
  DelaySeconds: integerBetween(0, 900).optional(),
  MaximumMessageSize: integerBetween(1024, 1_048_576).optional(),
  MessageRetentionPeriod: integerBetween(60, 1_209_600).optional(),
  ReceiveMessageWaitTimeSeconds: integerBetween(0, 20).optional(),
  VisibilityTimeout: integerBetween(0, 43_200).optional(),
  RedrivePolicy: z
    .strictObject({ deadLetterTargetArn: z.string(), maxReceiveCount: integerBetween(1, 1000) })
    .optional(),
});

export const queue = resourceType({
  properties: Queue,
  inert: ['KmsDataKeyReusePeriodSeconds', 'KmsMasterKeyId', 'RedriveAllowPolicy', 'SqsManagedSseEnabled', 'Tags'],
  async deploy(properties, context) {
    const { QueueName, RedrivePolicy, FifoQueue, ...rest } = properties;
    const fifo = FifoQueue === true;
    const name = QueueName ?? context.name(80, fifo ? '.fifo' : '');
    if (fifo !== name.endsWith('.fifo'))
      throw context.unsupported('QueueName', 'the name of a FIFO queue, and of no other, ends in .fifo');
    for (const property of ['ContentBasedDeduplication', 'DeduplicationScope', 'FifoThroughputLimit'] as const) {
      if (!fifo && properties[property] !== undefined)
        throw context.unsupported(property, 'it is for FIFO queues only');
    }
    if (RedrivePolicy) {
      const target = context.model.queues.get(RedrivePolicy.deadLetterTargetArn);
      if (!target)
        throw context.unsupported(
          'RedrivePolicy.deadLetterTargetArn',
          `${RedrivePolicy.deadLetterTargetArn} is no queue of this template`,
        );
      if (target.fifo !== fifo)
        throw context.unsupported(
          'RedrivePolicy.deadLetterTargetArn',
          "a FIFO queue's dead-letter queue is FIFO, and a standard queue's is standard",
        );
    }
    const attributes: Record<string, string> = {
      // A restart must also undo what an earlier template had set.
      VisibilityTimeout: '30',
      DelaySeconds: '0',
      MaximumMessageSize: '1048576',
      MessageRetentionPeriod: '345600',
      ReceiveMessageWaitTimeSeconds: '0',
      ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, String(value)])),
      RedrivePolicy: RedrivePolicy ? JSON.stringify(RedrivePolicy) : '',
    };
    const url = await createQueue(context.sqs, name, fifo, attributes);
    const arn = `arn:aws:sqs:${REGION}:${ACCOUNT_ID}:${name}`;
    context.model.queues.set(arn, {
      name,
      arn,
      url,
      fifo,
      visibilityTimeoutSeconds: Number(attributes['VisibilityTimeout']),
    });
    const publicUrl = new URL(new URL(url).pathname, context.endpoint).href;
    return { ref: publicUrl, attributes: { Arn: arn, QueueName: name, QueueUrl: publicUrl } };
  },
});

async function createQueue(
  sqs: { call<T>(operation: string, input: object): Promise<T> },
  name: string,
  fifo: boolean,
  attributes: Record<string, string>,
): Promise<string> {
  const existing = await sqs.call<{ QueueUrl: string }>('GetQueueUrl', { QueueName: name }).catch((error: unknown) => {
    if (error instanceof AwsCallError && /NonExistentQueue|QueueDoesNotExist/.test(error.code)) return undefined;
    throw error;
  });
  if (existing) {
    await sqs.call('SetQueueAttributes', { QueueUrl: existing.QueueUrl, Attributes: attributes });
    return existing.QueueUrl;
  }
  const { RedrivePolicy, ...others } = attributes;
  const created = await sqs.call<{ QueueUrl: string }>('CreateQueue', {
    QueueName: name,
    Attributes: { ...others, ...(RedrivePolicy ? { RedrivePolicy } : {}), ...(fifo ? { FifoQueue: 'true' } : {}) },
  });
  return created.QueueUrl;
}
