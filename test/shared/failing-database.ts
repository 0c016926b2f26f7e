import { TransactionCanceledException, TransactionConflictException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

type Command = { readonly constructor: { readonly name: string } };

/** How a call to DynamoDB fails, after all that the SDK has tried. */
const MADE = {
  throttled: () =>
    Object.assign(new Error('slow down'), { name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } }),
  'failed inside': () =>
    Object.assign(new Error('oops'), { name: 'InternalServerError', $metadata: { httpStatusCode: 500 } }),
  'in conflict': ({ constructor }: Command) => {
    const details = { message: 'conflict', $metadata: { httpStatusCode: 400 } };
    return constructor.name === 'TransactWriteCommand'
      ? new TransactionCanceledException({
          ...details,
          CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
        })
      : new TransactionConflictException(details);
  },
  /** It was had, and nobody was told. */
  unanswered: () => Object.assign(new Error('no answer'), { name: 'TimeoutError' }),
} as const;
export type Fault = keyof typeof MADE;
export const FAULTS = Object.keys(MADE) as Fault[];

/** A database that fails for the calls that `fails` names, counted from 0. */
export function failing(
  database: DynamoDBDocumentClient,
  fault: Fault,
  fails: (call: number, command: string) => boolean,
) {
  let calls = 0;
  const client = {
    send: async (command: Command, options: never) => {
      const isHit = fails(calls++, command.constructor.name);
      if (isHit && fault !== 'unanswered') throw MADE[fault](command);
      const answered = database.send(command as never, options);
      if (!isHit) return answered;
      await answered.catch(() => undefined);
      throw MADE[fault](command);
    },
  } as unknown as DynamoDBDocumentClient;
  return { client, calls: () => calls };
}
