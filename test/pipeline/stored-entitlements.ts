import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { EntitlementRow } from '../../lambdas/entitlements/entitlement.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { CatalogueRows } from '../../local/skus/catalogue-rows.ts';
import type { StoredAt } from './stored.ts';

/** What a test looks at, and changes as an operator or time would, in the table and the queues of entitlements. */
export function storedEntitlements({ region, credentials, endpoints, outputs }: StoredAt) {
  const access = { region, credentials };
  const client = new DynamoDBClient({ ...access, endpoint: endpoints.dynamodb });
  const database = connectDatabase(client);
  const sqs = new SQSClient({ ...access, endpoint: endpoints.sqs });
  const output = (name: string): string => {
    const value = outputs[name];
    if (value === undefined) throw new Error(`the stack has no output ${name}`);
    return value;
  };
  const TableName = output('EntitlementsTableName');
  const grants = output('GrantsQueueUrl');
  const deadLetters = output('GrantsDeadLetterQueueUrl');
  const keyOf = (partner: string, entitlementId: string) => ({
    owner: `entitlement|${partner}|${entitlementId}`,
    part: 'entitlement',
  });
  return {
    async row(partner: string, entitlementId: string): Promise<EntitlementRow | undefined> {
      const { Item } = await database.send(
        new GetCommand({ TableName, Key: keyOf(partner, entitlementId), ConsistentRead: true }),
      );
      return Item && EntitlementRow.parse(Item);
    },
    /** Makes it as if a number of an entitlement, in epoch milliseconds, were so much longer ago. */
    async age(
      partner: string,
      entitlementId: string,
      of: 'since' | 'lease' | 'nextTryAt',
      byMs: number,
    ): Promise<void> {
      await database.send(
        new UpdateCommand({
          TableName,
          Key: keyOf(partner, entitlementId),
          UpdateExpression: 'SET #of = #of - :by',
          ConditionExpression: 'attribute_exists(#of)',
          ExpressionAttributeNames: { '#of': of },
          ExpressionAttributeValues: { ':by': byMs },
        }),
      );
    },
    catalogueOf: (partner: string) => new CatalogueRows(database, TableName, partner, systemClock),
    /** Puts a message into the queue of grants. */
    async send(body: string): Promise<void> {
      await sqs.send(new SendMessageCommand({ QueueUrl: grants, MessageBody: body }));
    },
    /** Takes what lies in the dead-letter queue of grants. */
    async takeDeadLetters(): Promise<Message[]> {
      const taken: Message[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: deadLetters,
            MaxNumberOfMessages: 10,
            MessageAttributeNames: ['All'],
          }),
        );
        if (Messages.length === 0) return taken;
        taken.push(...Messages);
        for (const { ReceiptHandle } of Messages) {
          await sqs.send(new DeleteMessageCommand({ QueueUrl: deadLetters, ReceiptHandle }));
        }
      }
    },
    /** Messages of the queue of grants, by what they do: waiting to be taken, being worked on, or held back for a while. */
    async grantsLeft(): Promise<Readonly<Record<string, number>>> {
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: grants, AttributeNames: ['All'] }),
      );
      return Object.fromEntries(
        Object.entries(Attributes)
          .filter(([name]) => name.startsWith('ApproximateNumberOfMessages'))
          .map(([name, count]) => [name, Number(count)]),
      );
    },
    close(): void {
      client.destroy();
      sqs.destroy();
    },
  };
}

export type StoredEntitlements = ReturnType<typeof storedEntitlements>;
