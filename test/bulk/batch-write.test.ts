import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient, type BatchWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { explainAwsError } from '../../local/bulk/aws-errors.ts';
import { batchWrite, type ItemWrite } from '../../local/bulk/batch-write.ts';

const mock = mockClient(DynamoDBDocumentClient);
beforeEach(() => void mock.reset());
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1' }));

/** Time that passes only while somebody waits. */
function waiting() {
  let now = 0;
  return { now: () => now, sleepUntil: async (time: number) => void (now = time) };
}
const puts = (count: number): ItemWrite[] => Array.from({ length: count }, (_, id) => ({ put: { id } }));

describe('writing items in bulk', () => {
  it('sends at most 25 in a call, and again what was left over, until each is written once', async () => {
    const written: unknown[] = [];
    const sizes: number[] = [];
    mock.on(BatchWriteCommand).callsFake(({ RequestItems }: BatchWriteCommandInput) => {
      const requests = RequestItems!['T']!;
      sizes.push(requests.length);
      // DynamoDB takes two thirds of each call.
      const taken = Math.ceil((requests.length * 2) / 3);
      written.push(...requests.slice(0, taken).map(({ PutRequest }) => PutRequest?.Item?.['id'] as unknown));
      return taken === requests.length ? {} : { UnprocessedItems: { T: requests.slice(taken) } };
    });
    await batchWrite(client, 'T', puts(60), waiting());
    expect(written.sort((a, b) => Number(a) - Number(b))).toEqual(puts(60).map((_, id) => id));
    expect(Math.max(...sizes)).toBe(25);
    expect(sizes.filter((size) => size === 25)).toHaveLength(2);
  });

  it('deletes by key', async () => {
    mock.on(BatchWriteCommand).resolves({});
    await batchWrite(client, 'T', [{ delete: { id: 1 } }], waiting());
    expect(mock.commandCalls(BatchWriteCommand)[0]?.args[0].input.RequestItems).toEqual({
      T: [{ DeleteRequest: { Key: { id: 1 } } }],
    });
  });

  it('gives up on a table that is throttled for minutes, in words', async () => {
    mock.on(BatchWriteCommand).callsFake(({ RequestItems }: BatchWriteCommandInput) => ({
      UnprocessedItems: RequestItems,
    }));
    const clock = waiting();
    const error: unknown = await batchWrite(client, 'T', puts(3), clock).catch((thrown: unknown) => thrown);
    expect(explainAwsError(error)).toMatch(/throttled for too long \(DynamoDB left 3 items of T unwritten/);
    expect(mock.commandCalls(BatchWriteCommand).length).toBeGreaterThan(10);
  });
});
