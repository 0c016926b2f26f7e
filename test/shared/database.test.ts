import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { connectDatabase } from '../../lambdas/shared/database.ts';

describe('the connection to the database', () => {
  it('has as many calls under way as connections can bear, and makes the others in their order, failures or not', async () => {
    let underway = 0;
    let most = 0;
    const begun: string[] = [];
    const answers: (() => void)[] = [];
    const client = new DynamoDBClient({
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
      requestHandler: {
        async handle(request: { body: Uint8Array }) {
          begun.push((JSON.parse(new TextDecoder().decode(request.body)) as { Key: { k: { S: string } } }).Key.k.S);
          most = Math.max(most, (underway += 1));
          await new Promise<void>((resolve) => answers.push(resolve));
          underway -= 1;
          const statusCode = begun.length % 3 === 0 ? 500 : 200;
          return { response: { statusCode, headers: {}, body: Buffer.from('{}') } };
        },
      },
    });
    const database = connectDatabase(client);
    const calls = Array.from({ length: 200 }, (_, index) =>
      database.send(new GetCommand({ TableName: 't', Key: { k: String(index) } })).then(
        () => 'done',
        () => 'failed',
      ),
    );
    const all = Promise.all(calls);
    for (let left = 200; left > 0;) {
      await new Promise(setImmediate);
      const answer = answers.shift();
      if (answer) left -= 1;
      answer?.();
    }
    expect(new Set(await all)).toEqual(new Set(['done', 'failed']));
    expect(most).toBe(40);
    expect(begun).toEqual(Array.from({ length: 200 }, (_, index) => String(index)));
  });
});
