import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { TransactItem } from '../../../lambdas/shared/transact.ts';
import type { Weakening } from './fulfilment-world.ts';

type Sent = NonNullable<TransactItem['Put' | 'Update' | 'Delete']> & {
  readonly Item?: Readonly<Record<string, unknown>>;
  readonly Key?: Readonly<Record<string, unknown>>;
  readonly UpdateExpression?: string;
};
type Send = DynamoDBDocumentClient['send'];

/** A client that sends something else than it is given. */
function rewriting(rewrite: (command: object, send: Send) => Promise<unknown>): Weakening {
  return (client) => {
    const send: Send = client.send.bind(client);
    return { send: (command: object) => rewrite(command, send) } as unknown as DynamoDBDocumentClient;
  };
}

const sentIn = (item: TransactItem): Sent => (item.Put ?? item.Update ?? item.Delete ?? item.ConditionCheck) as Sent;
const ownerOf = (item: TransactItem): string => {
  const { Item, Key } = sentIn(item);
  return String((Item ?? Key)?.['owner']);
};
const partOf = (item: TransactItem): string => {
  const { Item, Key } = sentIn(item);
  return String((Item ?? Key)?.['part']);
};

/** Always holds, and stands where something else stood, so that the others keep their places. */
function nothingAt(item: TransactItem): TransactItem {
  const { TableName, Item, Key } = sentIn(item);
  return {
    ConditionCheck: {
      TableName,
      Key: Key ?? { owner: Item!['owner'], part: Item!['part'] },
      ConditionExpression: 'attribute_not_exists(nothing)',
    },
  };
}

/** Without the terms about who holds an entitlement, and since when. */
function unfenced<Input extends Sent>(input: Input): Input {
  const { ConditionExpression: condition, UpdateExpression: update = '', ExpressionAttributeValues: values } = input;
  if (condition?.includes('fence') !== true) return input;
  const ConditionExpression = condition.replaceAll(/\b(?:fence|lease) = :\w+/gu, 'attribute_not_exists(nothing)');
  const used = `${ConditionExpression} ${update} `;
  return {
    ...input,
    ConditionExpression,
    ExpressionAttributeValues: Object.fromEntries(
      Object.entries(values ?? {}).filter(([name]) => new RegExp(`${name}\\b`, 'u').test(used)),
    ),
  };
}

/** Nobody asks any more whether another try has taken an entitlement over. */
const withoutFence = rewriting((command, send) => {
  if (command instanceof UpdateCommand) return send(new UpdateCommand(unfenced(command.input as never)));
  if (!(command instanceof TransactWriteCommand)) return send(command as never);
  const TransactItems = (command.input.TransactItems ?? []).map((item): TransactItem => {
    if (item.Update) return { Update: unfenced(item.Update as never) };
    return item.Delete ? { Delete: unfenced(item.Delete as never) } : item;
  });
  return send(new TransactWriteCommand({ ...command.input, TransactItems }));
});

/** Nobody notes, or asks, which entitlement a player has a SKU by. */
const withoutSkuRow = rewriting((command, send) => {
  if (!(command instanceof TransactWriteCommand)) return send(command as never);
  const TransactItems = (command.input.TransactItems ?? []).map((item) =>
    partOf(item).startsWith('sku|') ? nothingAt(item) : item,
  );
  return send(new TransactWriteCommand({ ...command.input, TransactItems }));
});

/** The items are given by writes of their own, each of them apart from the transaction that records the grant. */
const grantApart = (when: 'before' | 'after'): Weakening =>
  rewriting(async (command, send) => {
    if (!(command instanceof TransactWriteCommand)) return send(command as never);
    const items = command.input.TransactItems ?? [];
    const grants = items.filter((item) => ownerOf(item).startsWith('inventory|'));
    if (grants.length === 0) return send(command as never);
    const give = async (): Promise<void> => {
      for (const { Update } of grants) {
        // What is unique and there already is left as it is.
        await send(new UpdateCommand(Update as never)).catch((error: unknown) => {
          if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
        });
      }
    };
    const TransactItems = items.map((item) => (grants.includes(item) ? nothingAt(item) : item));
    if (when === 'before') await give();
    const answer: unknown = await send(new TransactWriteCommand({ ...command.input, TransactItems }));
    if (when === 'after') await give();
    return answer;
  });

/** The protocol with one of its supports taken away, by what is sent to the tables. */
export const WEAKENINGS: Readonly<Record<string, Weakening>> = {
  'the fence is dropped': withoutFence,
  'the row of the SKU is left out': withoutSkuRow,
  'the items are given before the grant is recorded': grantApart('before'),
  'the items are given after the grant is recorded': grantApart('after'),
};
