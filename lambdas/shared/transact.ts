import { randomUUID } from 'node:crypto';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient, TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Clock } from './clock.ts';
import { retry } from './retry.ts';
import { isServiceFailure } from './service-failure.ts';
import type { RetryPolicy } from './settings.ts';

export type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** The parts whose conditions failed, by their position: the row that stood there, where the part asks for it. */
export type Refusals = ReadonlyMap<number, Readonly<Record<string, unknown>> | undefined>;

/** It is the time that ends it. */
const INSISTING: RetryPolicy = { attempts: Infinity, baseMs: 50, capMs: 400 };

export interface InsistOptions {
  /** How long it is repeated after failures that may pass, epoch milliseconds. Past that time it is tried once. */
  readonly until: number;
  readonly clock: Clock;
}

/** Repeats a call to DynamoDB after whatever may pass, and cuts off one that hangs. */
export async function insist<Result>(
  call: (options: { readonly abortSignal?: AbortSignal }) => Promise<Result>,
  { until, clock }: InsistOptions,
): Promise<Result> {
  const left = until - clock.now();
  const abortSignal = left > 0 ? AbortSignal.timeout(Math.ceil(left)) : undefined;
  try {
    return await retry(() => call(abortSignal ? { abortSignal } : {}), INSISTING, {
      shouldRetry: isServiceFailure,
      clock,
      random: Math.random,
      deadline: until,
    });
  } catch (error) {
    // The client's own error of a call that was cut off does not say that it was the time.
    throw abortSignal?.aborted === true ? abortSignal.reason : error;
  }
}

/**
 * Writes a transaction, and repeats it while others are in its way. Its repetitions are one transaction to DynamoDB, so
 * that one whose answer was lost is not in its own way.
 *
 * @returns undefined when it is written; else the parts whose conditions failed, and then nothing is written
 * @throws what keeps DynamoDB from it until the time is over
 */
export async function transact(
  client: DynamoDBDocumentClient,
  items: readonly TransactItem[],
  options: InsistOptions,
): Promise<Refusals | undefined> {
  const ClientRequestToken = randomUUID();
  try {
    await insist(
      (sending) => client.send(new TransactWriteCommand({ TransactItems: [...items], ClientRequestToken }), sending),
      options,
    );
    return undefined;
  } catch (error) {
    const refusals = refusalsOf(error);
    if (refusals.size === 0) throw error;
    return refusals;
  }
}

function refusalsOf(error: unknown): Refusals {
  const reasons = error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : [];
  return new Map(
    reasons.flatMap(({ Code, Item }, index) =>
      Code === 'ConditionalCheckFailed' ? [[index, Item && unmarshall(Item)] as const] : [],
    ),
  );
}
