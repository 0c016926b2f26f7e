import { DynamoDBClient, type ServiceInputTypes, type ServiceOutputTypes } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { FinalizeRequestMiddleware } from '@smithy/types';
import { connectDatabase } from '../../lambdas/shared/database.ts';

/**
 * A client of the same engine of which answers are lost below the SDK's own retries: what it wrote is written, and it
 * writes again.
 *
 * @param loses whether the n-th answer is lost, from 1
 * @param meanwhile what happens between an answer that is lost and the repetition
 */
export async function losingAnswers(
  { config }: DynamoDBDocumentClient,
  loses: (nth: number) => boolean,
  meanwhile: () => Promise<void> = async () => undefined,
) {
  const client = new DynamoDBClient({
    endpoint: await config.endpoint!(),
    region: await config.region(),
    credentials: await config.credentials(),
  });
  let sent = 0;
  const losing: FinalizeRequestMiddleware<ServiceInputTypes, ServiceOutputTypes> = (next) => async (args) => {
    const answer = await next(args).then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    sent += 1;
    if (!loses(sent)) return answer();
    await meanwhile();
    throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
  };
  client.middlewareStack.addRelativeTo(losing, { relation: 'after', toMiddleware: 'retryMiddleware' });
  return { database: connectDatabase(client), sent: () => sent, stop: () => client.destroy() };
}
