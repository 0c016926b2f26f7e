import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as z from 'zod/mini';

const nonEmpty = z.string().check(z.minLength(1));

/** Queue of Buy with Prime's own events → recorded once each, and told on the stack's bus. */
export const Environment = z.object({ HISTORY_TABLE: nonEmpty, DEAD_LETTER_QUEUE_URL: nonEmpty });
export type Environment = z.infer<typeof Environment>;

Environment.parse(process.env);

export const handler = (event: SQSEvent): Promise<SQSBatchResponse> =>
  Promise.resolve({ batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) });
