import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import type { Cloud, ServiceCall } from '../../local/cloud/cloud.ts';
import { cloudOf, collector, temporaryDirectory, type AssemblyParts, type Resources } from './hand-written-assembly.ts';

const attribute = (id: string, name = 'Arn') => ({ 'Fn::GetAtt': [id, name] });
const trust = (service: string) => ({
  Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
});
const roleFor = (service: string, ...statements: object[]) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: trust(service),
    Policies: statements.length === 0 ? [] : [{ PolicyName: 'Own', PolicyDocument: { Statement: statements } }],
  },
});
const allow = (action: string | string[], resource: unknown) => ({
  Effect: 'Allow',
  Action: action,
  Resource: resource,
});
const LOGS = allow(['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'], '*');
const POLLING = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];

/** A function that sends what it is given to the queue of its variable, with the real SDK, and tells what came of it. */
const SENDER = `
  import { SQSClient, SendMessageCommand } from ${JSON.stringify(import.meta.resolve('@aws-sdk/client-sqs'))};
  const sqs = new SQSClient({ maxAttempts: 1 });
  export const handler = async (event) => {
    try {
      await sqs.send(new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: JSON.stringify(event) }));
      return 'sent';
    } catch (error) {
      return error.name + ': ' + error.message;
    }
  };`;

const queue: Resources = { Queue: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 60 } } };

/** A queue, a function that sends to it, and a rule-like schedule that calls it so that nothing is loose. */
function sending(statements: object[], more: Partial<AssemblyParts> = {}): AssemblyParts {
  return {
    ...more,
    resources: {
      ...queue,
      WorkRole: roleFor('lambda.amazonaws.com', ...statements),
      ScheduleRole: roleFor('scheduler.amazonaws.com', allow('lambda:InvokeFunction', attribute('Work'))),
      Schedule: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          ScheduleExpression: 'rate(1 hour)',
          FlexibleTimeWindow: { Mode: 'OFF' },
          Target: { Arn: attribute('Work'), RoleArn: attribute('ScheduleRole'), Input: '{"from":"schedule"}' },
        },
      },
      Bystander: roleFor('lambda.amazonaws.com'),
      ...more.resources,
    },
    functions: {
      Work: {
        code: SENDER,
        properties: { Role: attribute('WorkRole'), Environment: { Variables: { QUEUE_URL: { Ref: 'Queue' } } } },
      },
      ...more.functions,
    },
    template: { Outputs: { Url: { Value: { Ref: 'Queue' } } } },
  };
}

async function strict(parts: AssemblyParts) {
  const calls: ServiceCall[] = [];
  const refusals = collector<string>();
  const logs: string[] = [];
  const cloud = await cloudOf(parts, {
    enforcement: 'aws',
    // These templates are about who may do what.
    looseEnds: 'tell',
    onCall: (call) => calls.push(call),
    onRefusal: (text) => (text.includes('not authorized') ? refusals.add(text) : undefined),
    onLog: ({ text }) => logs.push(text),
  });
  return { cloud, calls, refusals, logs };
}

const run = async (cloud: Cloud): Promise<unknown> => {
  const result = await cloud.invoke('Work', { n: 1 });
  return result.outcome === 'success' ? result.payload : result.error;
};
const SEND = allow('sqs:SendMessage', '*');

describe('a function', () => {
  test('does what its role allows, in its own name', async () => {
    const { cloud, calls, refusals } = await strict(sending([LOGS, SEND]));
    expect(await run(cloud)).toBe('sent');
    expect(refusals.items).toEqual([]);
    expect(calls.find(({ operation }) => operation === 'SendMessage')).toMatchObject({
      caller: { kind: 'function', logicalId: 'Work', roleArn: cloud.resources.get('WorkRole')!.arn },
      service: 'sqs',
      input: { MessageBody: '{"n":1}' },
      permissions: [{ action: 'sqs:SendMessage', resource: cloud.resources.get('Queue')!.arn }],
    });
  });

  test.each<[string, object[]]>([
    ['does not allow the action', [LOGS, allow('sqs:ReceiveMessage', '*')]],
    [
      'does not allow it on that resource',
      [LOGS, allow('sqs:SendMessage', 'arn:aws:sqs:us-east-1:000000000000:other')],
    ],
  ])('is refused what its role %s: role, function, action and resource are named', async (_, statements) => {
    const { cloud, refusals, logs } = await strict(sending(statements));
    const arn = cloud.resources.get('Queue')!.arn;
    const { physicalId: role } = cloud.resources.get('WorkRole')!;
    const { physicalId: name } = cloud.resources.get('Work')!;
    const message =
      `User: arn:aws:sts::000000000000:assumed-role/${role}/${name} is not authorized to perform: sqs:SendMessage ` +
      `on resource: ${arn} because no identity-based policy allows the sqs:SendMessage action`;
    expect(await run(cloud)).toBe(`AccessDeniedException: ${message}`);
    expect(refusals.items).toEqual([`Work (function): ${message}`]);
    expect(logs.some((line) => line.includes(message))).toBe(true);
  });

  test('is let in by the queue’s own policy, and kept out by it', async () => {
    const policy = (effect: string, principal: unknown): Resources => ({
      Policy: {
        Type: 'AWS::SQS::QueuePolicy',
        Properties: {
          Queues: [{ Ref: 'Queue' }],
          PolicyDocument: {
            Statement: {
              Effect: effect,
              Principal: principal,
              Action: 'sqs:SendMessage',
              Resource: attribute('Queue'),
            },
          },
        },
      },
    });
    const allowed = await strict(sending([LOGS], { resources: policy('Allow', { AWS: attribute('WorkRole') }) }));
    expect(await run(allowed.cloud)).toBe('sent');
    const denied = await strict(sending([LOGS, SEND], { resources: policy('Deny', '*') }));
    expect(await run(denied.cloud)).toContain('with an explicit deny in a resource-based policy');
  });

  test('makes a transaction where its role allows each of its parts on its own table, and else none of it', async () => {
    const code = `
      import { DynamoDBClient, TransactWriteItemsCommand } from ${JSON.stringify(import.meta.resolve('@aws-sdk/client-dynamodb'))};
      const database = new DynamoDBClient({ maxAttempts: 1 });
      const { ONE, OTHER } = process.env;
      export const handler = async () => {
        const pk = (text) => ({ pk: { S: text } });
        const TransactItems = [
          { Put: { TableName: ONE, Item: pk('put') } },
          {
            Update: {
              ...{ TableName: ONE, Key: pk('updated'), UpdateExpression: 'SET n = :n' },
              ExpressionAttributeValues: { ':n': { N: '1' } },
            },
          },
          { Delete: { TableName: ONE, Key: pk('deleted') } },
          { ConditionCheck: { TableName: ONE, Key: pk('absent'), ConditionExpression: 'attribute_not_exists(pk)' } },
          { Put: { TableName: OTHER, Item: pk('put') } },
        ];
        try {
          await database.send(new TransactWriteItemsCommand({ TransactItems }));
          return 'done';
        } catch (error) {
          return error.message;
        }
      };`;
    const table = {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      },
    };
    const needed: (readonly [string, 'One' | 'Other'])[] = [
      ['PutItem', 'One'],
      ['UpdateItem', 'One'],
      ['DeleteItem', 'One'],
      ['ConditionCheckItem', 'One'],
      ['PutItem', 'Other'],
    ];
    const outcomeWith = async (allowed: typeof needed) => {
      const statements = allowed.map(([action, id]) => allow(`dynamodb:${action}`, attribute(id)));
      const assembly = sending([LOGS, SEND, ...statements], {
        resources: { One: table, Other: table },
        functions: {
          Work: {
            code,
            properties: {
              Role: attribute('WorkRole'),
              Environment: { Variables: { ONE: { Ref: 'One' }, OTHER: { Ref: 'Other' } } },
            },
          },
        },
      });
      const { cloud } = await strict(assembly);
      const database = new DynamoDBClient({
        endpoint: cloud.endpoints.dynamodb,
        region: cloud.region,
        credentials: cloud.credentials,
      });
      const told = String(await run(cloud));
      const { Count } = await database.send(new ScanCommand({ TableName: cloud.resources.get('One')!.physicalId }));
      return { told, arnOf: (id: string) => cloud.resources.get(id)!.arn, Count };
    };

    expect(await outcomeWith(needed)).toMatchObject({ told: 'done', Count: 2 });
    for (const missing of needed) {
      const [action, id] = missing;
      const { told, arnOf, Count } = await outcomeWith(needed.filter((one) => one !== missing));
      expect(told).toContain(`not authorized to perform: dynamodb:${action} on resource: ${arnOf(id)}`);
      expect(Count).toBe(0);
    }
  });

  test('has policies that are attached to its role from outside', async () => {
    const { cloud } = await strict(
      sending([LOGS], {
        resources: {
          Policy: {
            Type: 'AWS::IAM::Policy',
            Properties: { PolicyName: 'p', PolicyDocument: { Statement: [SEND] }, Roles: [{ Ref: 'WorkRole' }] },
          },
        },
      }),
    );
    expect(await run(cloud)).toBe('sent');
  });

  test('loses its log where its role does not allow one, and that is said', async () => {
    const { cloud, refusals, logs } = await strict(sending([SEND]));
    expect(await run(cloud)).toBe('sent');
    expect(refusals.items[0]).toMatch(/^Work \(function\): .*logs:CreateLogGroup on resource: .*:log-group:/);
    expect(logs.filter((line) => line.includes('START RequestId'))).toEqual([]);
  });

  test('finds no table and no queue of an earlier template', async () => {
    const dataDir = temporaryDirectory();
    const options = { dataDir, enforcement: 'aws' as const, looseEnds: 'tell' as const };
    const table = {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        TableName: 'Old',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      },
    };
    const first = await cloudOf(
      sending([LOGS, SEND], {
        resources: { Old: table, OldQueue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'Old' } } },
      }),
      options,
    );
    await first.stop();
    const code = `
      import { DynamoDBClient, ScanCommand } from ${JSON.stringify(import.meta.resolve('@aws-sdk/client-dynamodb'))};
      import { SQSClient, SendMessageCommand } from ${JSON.stringify(import.meta.resolve('@aws-sdk/client-sqs'))};
      const name = (promise) => promise.then(() => 'there', (error) => error.name);
      export const handler = async () => [
        await name(new DynamoDBClient({}).send(new ScanCommand({ TableName: 'Old' }))),
        await name(new SQSClient({}).send(new SendMessageCommand({ QueueUrl: new URL('/000000000000/Old', process.env.AWS_ENDPOINT_URL).href, MessageBody: 'x' }))),
      ];`;
    const second = await cloudOf(
      sending([LOGS, SEND, allow('dynamodb:Scan', '*')], {
        functions: { Work: { code, properties: { Role: attribute('WorkRole') } } },
      }),
      options,
    );
    expect(await run(second)).toEqual(['ResourceNotFoundException', 'QueueDoesNotExist']);
  });
});

describe('a caller from outside', () => {
  const clientOf = (cloud: Cloud, credentials: { accessKeyId: string; secretAccessKey: string }) =>
    new DynamoDBClient({ endpoint: cloud.endpoints.dynamodb, region: cloud.region, credentials, maxAttempts: 1 });

  test('needs the operator’s credentials', async () => {
    const { cloud } = await strict(sending([LOGS, SEND]));
    const scan = (credentials: { accessKeyId: string; secretAccessKey: string }) =>
      clientOf(cloud, credentials)
        .send(new ScanCommand({ TableName: 'any' }))
        .catch((error: unknown) => (error as Error).name);
    expect(await scan({ accessKeyId: 'local', secretAccessKey: 'local' })).toBe('UnrecognizedClientException');
    expect(await scan({ ...cloud.credentials, secretAccessKey: 'guessed' })).toBe('InvalidSignatureException');
    expect(await scan(cloud.credentials)).toBe('ResourceNotFoundException');
    const unsigned = await fetch(cloud.endpoints.sqs, {
      method: 'POST',
      headers: { 'x-amz-target': 'AmazonSQS.ListQueues' },
    });
    expect(await unsigned.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' });
  });

  test('is held to AWS’s limits as functions are', async () => {
    const { cloud } = await strict(sending([LOGS, SEND]));
    const sqs = new SQSClient({ endpoint: cloud.endpoints.sqs, region: cloud.region, credentials: cloud.credentials });
    const QueueUrl = cloud.outputs['Url']!;
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', DelaySeconds: 900 }));
    await expect(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x', DelaySeconds: 901 }))).rejects.toThrow(
      /901/,
    );
  });
});

describe('a template is refused, and what is missing named,', () => {
  const refusal = async (parts: AssemblyParts, looseEnds: 'refuse' | 'tell' = 'refuse'): Promise<string> => {
    const started = cloudOf(parts, { enforcement: 'aws', looseEnds });
    return started.then(
      () => 'it was taken',
      (error: unknown) => (error as Error).message,
    );
  };
  const source = {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: { EventSourceArn: attribute('Queue'), FunctionName: { Ref: 'Work' } },
  };

  test('when a function’s role is none of its own, or is not for Lambda', async () => {
    const elsewhere = sending([LOGS], { functions: { Work: { code: SENDER } } });
    expect(await refusal(elsewhere)).toMatch(/^Work .*property Role: arn:aws:iam::000000000000:role\/any is no role/);
    const foreign = sending([LOGS], { resources: { WorkRole: roleFor('ec2.amazonaws.com', LOGS) } });
    expect(await refusal(foreign)).toMatch(/^Work .*property Role: .*does not let lambda\.amazonaws\.com assume it/);
  });

  test.each(POLLING)('when an event source may not %s', async (action) => {
    const others = POLLING.filter((one) => one !== action);
    const parts = sending([LOGS, allow(others, attribute('Queue'))], { resources: { Source: source } });
    expect(await refusal(parts)).toMatch(
      new RegExp(`^Source .*not authorized to perform: ${action} on resource: .*Queue`),
    );
    const complete = sending([LOGS, allow(POLLING, attribute('Queue'))], { resources: { Source: source } });
    expect(await refusal(complete)).toBe('it was taken');
  });

  test('when a traced function may not write its trace', async () => {
    const parts = sending([LOGS, allow('xray:PutTraceSegments', '*')]);
    const properties = { ...parts.functions!['Work']!.properties, TracingConfig: { Mode: 'Active' } };
    const traced = { ...parts, functions: { Work: { code: SENDER, properties } } };
    expect(await refusal(traced)).toMatch(/^Work .*TracingConfig.*xray:PutTelemetryRecords/);
  });

  test('when a dead-letter queue or a destination may not be sent to', async () => {
    const parts = sending([LOGS]);
    const properties = { ...parts.functions!['Work']!.properties, DeadLetterConfig: { TargetArn: attribute('Queue') } };
    expect(await refusal({ ...parts, functions: { Work: { code: SENDER, properties } } })).toMatch(
      /^Work .*DeadLetterConfig.*sqs:SendMessage/,
    );
    const config = {
      Type: 'AWS::Lambda::EventInvokeConfig',
      Properties: {
        FunctionName: { Ref: 'Work' },
        Qualifier: '$LATEST',
        DestinationConfig: { OnFailure: { Destination: attribute('Queue') } },
      },
    };
    expect(await refusal(sending([LOGS], { resources: { Config: config } }))).toMatch(
      /^Work .*DestinationConfig.*sqs:SendMessage/,
    );
  });

  test.each([
    [
      'a schedule',
      'Target.RoleArn',
      'scheduler.amazonaws.com',
      'arn:aws:scheduler:us-east-1:000000000000:schedule-group/default',
    ],
    [
      'no schedule of this name',
      'Target.RoleArn',
      'scheduler.amazonaws.com',
      'arn:aws:scheduler:us-east-1:000000000000:schedule/default/*',
    ],
    [
      'no other group',
      'Target.RoleArn',
      'scheduler.amazonaws.com',
      'arn:aws:scheduler:us-east-1:000000000000:schedule-group/other',
    ],
  ])('when a role’s trust does not name the group of the schedule: %s', async (name, property, service, source) => {
    const role = roleFor(service, allow('lambda:InvokeFunction', attribute('Work')));
    const condition = { ArnLike: { 'aws:SourceArn': source }, StringEquals: { 'aws:SourceAccount': '000000000000' } };
    const AssumeRolePolicyDocument = { Statement: [{ ...trust(service).Statement[0], Condition: condition }] };
    const ScheduleRole = { ...role, Properties: { ...role.Properties, AssumeRolePolicyDocument } };
    const expected = name.startsWith('no ')
      ? new RegExp(`^Schedule .*${property}.*does not let ${service}`)
      : /^it was taken$/;
    expect(await refusal(sending([LOGS], { resources: { ScheduleRole } }))).toMatch(expected);
  });

  test('when a rule’s role names another rule in its trust', async () => {
    const trusting = (ruleArn: string): Resources => {
      const role = roleFor('events.amazonaws.com', allow('sqs:SendMessage', attribute('Queue')));
      const statement = {
        ...trust('events.amazonaws.com').Statement[0],
        Condition: { ArnLike: { 'aws:SourceArn': ruleArn } },
      };
      return {
        RuleRole: { ...role, Properties: { ...role.Properties, AssumeRolePolicyDocument: { Statement: [statement] } } },
        Rule: {
          Type: 'AWS::Events::Rule',
          Properties: {
            Name: 'went-live',
            EventPattern: { source: ['x'] },
            Targets: [{ Id: 'q', Arn: attribute('Queue'), RoleArn: attribute('RuleRole') }],
          },
        },
        Source: source,
      };
    };
    const polling = allow(POLLING, attribute('Queue'));
    const rules = 'arn:aws:events:us-east-1:000000000000:rule/';
    expect(await refusal(sending([LOGS, polling], { resources: trusting(`${rules}went-*`) }))).toBe('it was taken');
    expect(await refusal(sending([LOGS, polling], { resources: trusting(`${rules}other`) }))).toMatch(
      /^Rule .*Targets.*does not let events\.amazonaws\.com assume it/,
    );
  });

  test('when the scheduler may not assume a schedule’s role', async () => {
    const parts = sending([LOGS], { resources: { ScheduleRole: roleFor('lambda.amazonaws.com') } });
    expect(await refusal(parts)).toMatch(
      /^Schedule .*Target\.RoleArn.*does not let scheduler\.amazonaws\.com assume it/,
    );
  });

  test('when a policy asks for what cannot be judged here', async () => {
    const parts = sending([LOGS, { ...SEND, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }]);
    expect(await refusal(parts)).toMatch(
      /^WorkRole .*property Policies\.0\.PolicyDocument: .*IpAddress is not supported/,
    );
  });

  test('when its ends are loose: a queue that is only filled, a stream that nobody reads, a function that nothing calls', async () => {
    const parts = sending([LOGS, allow('sqs:SendMessage', attribute('Queue'))]);
    expect(await refusal(parts)).toMatch(/^Queue .*: Work may send to it, and no event source reads it$/);
    const table = {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
      },
    };
    const { Schedule: _, ...uncalled } = sending([LOGS], { resources: { Table: table } }).resources;
    expect(await refusal({ ...sending([LOGS]), resources: uncalled })).toMatch(
      /^Table .*: its stream is read by no event source\nWork .*: no event source, schedule or rule calls it$/,
    );
    expect(await refusal({ ...sending([LOGS]), resources: uncalled }, 'tell')).toBe('it was taken');
  });

  test('but not when an end is only reached in another way', async () => {
    const queueIsDrained = sending([LOGS, allow(['sqs:SendMessage', ...POLLING], attribute('Queue'))]);
    expect(await refusal(queueIsDrained)).toBe('it was taken');
    const { Schedule: _, ...uncalled } = sending([LOGS]).resources;
    const permission = {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: { Ref: 'Work' },
        Principal: 'apigateway.amazonaws.com',
      },
    };
    expect(await refusal({ ...sending([LOGS]), resources: { ...uncalled, Permission: permission } })).toBe(
      'it was taken',
    );
  });

  test('when what would read or call is switched off', async () => {
    const parts = sending([LOGS, allow('sqs:*', attribute('Queue'))]);
    const off = { ...source, Properties: { ...source.Properties, Enabled: false } };
    const { Schedule: _, ...uncalled } = parts.resources;
    expect(await refusal({ ...parts, resources: { ...uncalled, Source: off } })).toMatch(
      /^Queue .*: Work may send to it, and no event source reads it\nWork .*: no event source, schedule or rule calls it$/,
    );
  });
});

describe('what drives functions', () => {
  test('a schedule calls its function only where its role allows that', async () => {
    const allowed = await strict(sending([LOGS, SEND]));
    await allowed.cloud.start();
    await expect
      .poll(() =>
        allowed.calls.some(({ operation, caller }) => operation === 'SendMessage' && caller.kind === 'function'),
      )
      .toBe(true);
    expect(allowed.calls).toContainEqual(
      expect.objectContaining({
        service: 'lambda',
        caller: expect.objectContaining({ kind: 'schedule', logicalId: 'Schedule' }),
      }),
    );

    const refused = await strict(
      sending([LOGS, SEND], { resources: { ScheduleRole: roleFor('scheduler.amazonaws.com') } }),
    );
    await refused.cloud.start();
    const [text] = await refused.refusals.until(1);
    expect(text).toMatch(/^Schedule \(schedule\): .*lambda:InvokeFunction on resource: arn:aws:lambda:.*Work/);
    expect(refused.calls.filter(({ operation }) => operation === 'SendMessage')).toEqual([]);
  });

  const ruled = (policies: Resources): AssemblyParts => ({
    ...sending([LOGS, SEND, allow('events:PutEvents', '*')]),
    resources: {
      ...sending([LOGS, SEND]).resources,
      Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: 'bus' } },
      Rule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          EventBusName: { Ref: 'Bus' },
          EventPattern: { source: ['test'] },
          Targets: [
            { Id: 'work', Arn: attribute('Work'), DeadLetterConfig: { Arn: attribute('Refused') } },
            { Id: 'queue', Arn: attribute('Queue') },
          ],
        },
      },
      Refused: { Type: 'AWS::SQS::Queue' },
      ...policies,
    },
  });
  const putEvent = (cloud: Cloud) =>
    import('@aws-sdk/client-eventbridge').then(({ EventBridgeClient, PutEventsCommand }) =>
      new EventBridgeClient({
        endpoint: cloud.endpoints.eventbridge,
        region: cloud.region,
        credentials: cloud.credentials,
      }).send(
        new PutEventsCommand({ Entries: [{ Source: 'test', DetailType: 't', Detail: '{}', EventBusName: 'bus' }] }),
      ),
    );
  const permission = (source: unknown) => ({
    Type: 'AWS::Lambda::Permission',
    Properties: {
      Action: 'lambda:InvokeFunction',
      FunctionName: { Ref: 'Work' },
      Principal: 'events.amazonaws.com',
      SourceArn: source,
    },
  });
  const queuePolicy = (id: string, source: unknown) => ({
    Type: 'AWS::SQS::QueuePolicy',
    Properties: {
      Queues: [{ Ref: id }],
      PolicyDocument: {
        Statement: {
          Effect: 'Allow',
          Principal: { Service: 'events.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: attribute(id),
          Condition: { ArnEquals: { 'aws:SourceArn': source } },
        },
      },
    },
  });

  test('a rule reaches the function and the queue that let it in', async () => {
    const { cloud, calls, refusals } = await strict(
      ruled({ Permission: permission(attribute('Rule')), Policy: queuePolicy('Queue', attribute('Rule')) }),
    );
    await putEvent(cloud);
    const by = (service: string) => calls.filter((call) => call.caller.kind === 'rule' && call.service === service);
    await expect.poll(() => by('sqs').length).toBe(1);
    await expect.poll(() => by('lambda').length).toBe(1);
    expect(refusals.items).toEqual([]);
  });

  test('a rule is kept out where another rule is let in, and what it brings goes to its dead-letter queue', async () => {
    const other = 'arn:aws:events:us-east-1:000000000000:rule/bus/other';
    const { cloud, calls, refusals } = await strict(
      ruled({
        Permission: permission(other),
        Policy: queuePolicy('Queue', other),
        Letters: queuePolicy('Refused', attribute('Rule')),
      }),
    );
    await putEvent(cloud);
    await refusals.until(2);
    expect(refusals.items.sort()).toEqual([
      expect.stringMatching(/^Rule \(rule\): .*lambda:InvokeFunction on resource: .*Work.*no resource-based policy/),
      expect.stringMatching(/^Rule \(rule\): .*sqs:SendMessage on resource: .*Queue.*no resource-based policy/),
    ]);
    const letter = () => calls.find(({ service, refusal }) => service === 'sqs' && refusal === undefined);
    await expect.poll(letter).toBeDefined();
    expect(letter()!.input).toMatchObject({ MessageAttributes: { ERROR_CODE: { StringValue: 'NO_PERMISSIONS' } } });
  });
});
