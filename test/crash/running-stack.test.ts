import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory, writeAssembly } from '../local-cloud/hand-written-assembly.ts';
import type { Fact } from './facts.ts';
import { readFacts } from './facts.ts';
import type { RunningStack } from './running-stack.ts';
import { openStack } from './running-stack.ts';
import { resourceAt } from './stack-messages.ts';

const SLOW_MS = 300;

function prepared() {
  const folder = temporaryDirectory();
  const assembly = writeAssembly({
    resources: {
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: {
            Version: '2012-10-17',
            Statement: {
              Effect: 'Allow',
              Principal: { Service: ['lambda.amazonaws.com', 'scheduler.amazonaws.com'] },
              Action: 'sts:AssumeRole',
            },
          },
          Policies: [
            {
              PolicyName: 'Invoke',
              PolicyDocument: {
                Version: '2012-10-17',
                Statement: { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: '*' },
              },
            },
          ],
        },
      },
      Schedule: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          ScheduleExpression: 'rate(1 day)',
          FlexibleTimeWindow: { Mode: 'OFF' },
          Target: {
            Arn: { 'Fn::GetAtt': ['Worker', 'Arn'] },
            RoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] },
            Input: '{"from":"schedule"}',
          },
        },
      },
      SlowSchedule: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          ScheduleExpression: 'rate(1 day)',
          FlexibleTimeWindow: { Mode: 'OFF' },
          Target: { Arn: { 'Fn::GetAtt': ['Slow', 'Arn'] }, RoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] } },
        },
      },
      Table: {
        Type: 'AWS::DynamoDB::Table',
        Properties: {
          KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
          BillingMode: 'PAY_PER_REQUEST',
        },
      },
    },
    functions: {
      Worker: {
        code: 'export const handler = async (event) => ({ got: event });',
        properties: { Role: { 'Fn::GetAtt': ['Role', 'Arn'] } },
      },
      Slow: {
        code: `export const handler = () => new Promise((resolve) => setTimeout(resolve, ${SLOW_MS}));`,
        properties: { Role: { 'Fn::GetAtt': ['Role', 'Arn'] } },
      },
    },
    paths: {
      Worker: 'Stack/Room/Worker/Resource',
      Slow: 'Stack/Room/Slow/Resource',
      Table: 'Stack/Room/Table/Resource',
    },
  });
  const open = async (life: number): Promise<RunningStack> => {
    const order = { assembly, dataDir: join(folder, 'cloud'), secrets: {}, factsFolder: folder, life };
    const stack = await openStack(order);
    onTestFinished(() => stack.kill());
    return stack;
  };
  return { folder, assembly, open };
}

/** Resolves with the first fact of a kind. */
const first = (stack: RunningStack, kind: Fact['kind']): Promise<Fact> =>
  new Promise((resolve) => {
    const end = stack.onFact((fact) => {
      if (fact.kind !== kind) return;
      end();
      resolve(fact);
    });
  });

async function withTable<T>(
  stack: RunningStack,
  use: (client: DynamoDBClient, table: string) => Promise<T>,
): Promise<T> {
  const { region, credentials, endpoints } = stack.address;
  const client = new DynamoDBClient({ region, credentials, endpoint: endpoints.dynamodb, maxAttempts: 1 });
  try {
    return await use(client, resourceAt(stack.address, 'Room/Table').physicalId);
  } finally {
    client.destroy();
  }
}

describe('a stack in a process of its own', () => {
  it('is killed whole, leaves its data and its facts, and goes on in its next life', async () => {
    const { folder, open } = prepared();
    const stack = await open(1);
    await stack.start();
    await withTable(stack, (client, table) =>
      client.send(new PutItemCommand({ TableName: table, Item: { id: { S: 'kept' } } })),
    );
    stack.tick('Room/Worker', 10);
    // The schedule's own, and some of ours.
    for (let times = 0; times < 4; times += 1) {
      expect(await first(stack, 'ended')).toMatchObject({ functionId: 'Worker', outcome: 'success' });
    }
    await stack.kill();
    expect(() => process.kill(stack.pid, 0)).toThrow('ESRCH');

    const again = await open(2);
    const { Item } = await withTable(again, (client, table) =>
      client.send(new GetItemCommand({ TableName: table, Key: { id: { S: 'kept' } } })),
    );
    expect(Item).toEqual({ id: { S: 'kept' } });
    await again.stop();
    const facts = readFacts(folder);
    expect(facts).toContainEqual(expect.objectContaining({ kind: 'ended', payload: { got: {} } }));
    expect(facts).toContainEqual(expect.objectContaining({ kind: 'call', operation: 'PutItem' }));
  });

  it('invokes each of several functions again and again, until that one is told to rest', async () => {
    const { open } = prepared();
    const stack = await open(1);
    const ended = { Worker: 0, Slow: 0 };
    stack.onFact((fact) => {
      if (fact.kind === 'ended') ended[fact.functionId as keyof typeof ended] += 1;
    });
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await first(stack, 'ended');
    };
    await stack.start();
    // The schedules' own.
    await until(() => ended.Worker === 1 && ended.Slow === 1);
    stack.tick('Room/Worker', 10);
    stack.tick('Room/Slow', 10);
    await until(() => ended.Worker >= 4 && ended.Slow >= 3);
    await stack.endTicks('Room/Slow');
    // What it was doing has ended when the answer comes.
    const { Slow, Worker } = ended;
    await sleep(2 * SLOW_MS);
    await until(() => ended.Worker >= Worker + 5);
    expect(ended.Slow).toBe(Slow);
    await stack.endTicks('Room/Worker');
    await stack.endTicks('Room/Worker');
    await stack.stop();
  });

  it('is given up when it is told to while it starts', async () => {
    const folder = temporaryDirectory();
    const { assembly } = prepared();
    const order = { assembly, dataDir: join(folder, 'cloud'), secrets: {}, factsFolder: folder, life: 1 };
    const enough = new AbortController();
    const opening = openStack(order, enough.signal);
    enough.abort(new Error('enough'));
    await expect(opening).rejects.toThrow('enough');
  });

  it('has a database that stands still when it is told to, and goes on then', async () => {
    const { open } = prepared();
    const stack = await open(1);
    const never = new AbortController();
    let standing = true;
    const stalling = stack.stallDatabase(1_000, never.signal).then(() => (standing = false));
    const answered = withTable(stack, (client, table) =>
      client.send(new GetItemCommand({ TableName: table, Key: { id: { S: 'any' } } })),
    ).then(() => standing);
    expect(await answered).toBe(false);
    await stalling;
    await stack.stop();
  });

  it('says why it cannot be started', async () => {
    const folder = temporaryDirectory();
    const order = { assembly: join(folder, 'nowhere'), dataDir: folder, secrets: {}, factsFolder: folder, life: 1 };
    await expect(openStack(order)).rejects.toThrow('No cloud assembly');
  });

  it('is missed when it ends by itself', async () => {
    const { open } = prepared();
    const stack = await open(1);
    process.kill(stack.pid, 'SIGKILL');
    await expect(stack.failed).rejects.toThrow('the stack ended by itself (SIGKILL)');
  });
});
