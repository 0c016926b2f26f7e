import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { batchGet } from '../../lambdas/shared/batch-get.ts';
import { explainAwsError } from '../../local/bulk/aws-errors.ts';
import { WatchRows } from '../../local/watches/rows.ts';

const database = mockClient(DynamoDBDocumentClient);
beforeEach(() => void database.reset());

/** Time that passes only while somebody waits. */
function waiting() {
  let now = 0;
  return { now: () => now, sleepUntil: async (time: number) => void (now = time) };
}
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1' }));
const throttleFor = (calls: number) => {
  let asked = 0;
  database.on(BatchGetCommand).callsFake(({ RequestItems }: { RequestItems: Record<string, unknown> }) => {
    const isThrottled = (asked += 1) <= calls;
    return isThrottled ? { UnprocessedKeys: RequestItems } : { Responses: { Watches: [{ watchId: 'w1' }] } };
  });
};

describe('a table that leaves keys over', () => {
  it('is outlasted by the command line for a while in which a function gives up', async () => {
    throttleFor(12);
    const clock = waiting();
    expect(await new WatchRows(client, 'Watches', clock).get(['w1'])).toEqual(
      new Map([['w1', { watchId: 'w1', version: 0 }]]),
    );
    throttleFor(12);
    await expect(batchGet(client, 'Watches', [{ watchId: 'w1' }], waiting())).rejects.toThrow('after 6 tries');
  });

  it('is explained in words when it goes on for longer', async () => {
    throttleFor(Infinity);
    const error: unknown = await new WatchRows(client, 'Watches', waiting())
      .get(['w1'])
      .catch((thrown: unknown) => thrown);
    expect(explainAwsError(error)).toMatch(
      /throttled for too long \(DynamoDB left 1 keys of Watches unread.*few minutes/,
    );
  });
});

describe('an error of a client', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

  it('speaks of the local stack where that was asked, and of AWS otherwise', () => {
    expect(explainAwsError(refused, { isLocal: true })).toMatch(/local stack does not answer .*npm start/);
    expect(explainAwsError(refused)).toMatch(/^The stack does not answer/);
  });

  it('is left alone when it is none of AWS', () => {
    expect([explainAwsError(new TypeError('x')), explainAwsError('x', { isLocal: true })]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
