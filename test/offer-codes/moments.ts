import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** A database that calls `moment` just before and just after each of its calls. */
export function withMoments(database: DynamoDBDocumentClient, moment: () => Promise<void>): DynamoDBDocumentClient {
  return {
    send: async (command: never, options: never) => {
      await moment();
      const answer = await database.send(command, options).then(
        (value: unknown) => () => value,
        (error: unknown) => () => {
          throw error;
        },
      );
      await moment();
      return answer();
    },
  } as unknown as DynamoDBDocumentClient;
}
