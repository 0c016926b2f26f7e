import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import { ServiceError } from './json-service.ts';
import type { FunctionDefinition } from './model.ts';
import type { Caller, NeededPermission } from './service-call.ts';
import { uniqueId } from './unique-id.ts';

/** Knows the ARNs of things that calls name in other ways. */
export interface ArnDirectory {
  /** Of a secret, by name or ARN; undefined where nobody has made it. */
  secretArn(id: string): string | undefined;
}

type Input = Readonly<Record<string, unknown>>;
type Needs = (operation: string, input: Input, directory: ArnDirectory) => NeededPermission[];

/** A service: its name in IAM, and how to tell what each of its operations needs. */
interface Service {
  readonly name: string;
  readonly operations: Readonly<Record<string, Needs>>;
}

const arn = (service: string, resource: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${resource}`;

const onTable: Needs = (operation, input) => [
  { action: `dynamodb:${operation}`, resource: tableArn(text(input, 'TableName')) },
];
const onTableOrIndex: Needs = (operation, input) => {
  const table = tableArn(text(input, 'TableName'));
  const resource = input['IndexName'] === undefined ? table : `${table}/index/${text(input, 'IndexName')}`;
  return [{ action: `dynamodb:${operation}`, resource }];
};
const onEachTable: Needs = (operation, input) =>
  Object.keys(object(input, 'RequestItems')).map((table) => ({
    action: `dynamodb:${operation}`,
    resource: tableArn(table),
  }));

const TRANSACTED: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
};
/** A transaction is no action of its own: each of its items needs what it would need alone. */
const onEachItem: Needs = (_, input) => {
  const needed = objects(input, 'TransactItems').flatMap((item) =>
    Object.keys(item).map((kind) => {
      const action = Object.hasOwn(TRANSACTED, kind) ? TRANSACTED[kind] : undefined;
      if (action === undefined) throw invalid(`TransactItems: there is no ${kind}`);
      return { action: `dynamodb:${action}`, resource: tableArn(text(object(item, kind), 'TableName')) };
    }),
  );
  return [...new Map(needed.map((one) => [`${one.action} ${one.resource}`, one])).values()];
};

const onQueue: Needs = (operation, input) => [
  // A batch needs what its entries need.
  { action: `sqs:${operation.replace(/Batch$/, '')}`, resource: queueArn(text(input, 'QueueUrl')) },
];
const onEntries: Needs = (operation, input, directory) => {
  objects(input, 'Entries');
  return onQueue(operation, input, directory);
};

const busArn = (given: string): string => (given.startsWith('arn:') ? given : arn('events', `event-bus/${given}`));
const optional = (input: Input, field: string, otherwise: string): string =>
  input[field] === undefined ? otherwise : text(input, field);

const ofSecret: Needs = (operation, input, directory) => {
  const id = text(input, 'SecretId');
  // What does not exist has an ARN to judge all the same, or it would be told apart from what is forbidden.
  const unknown = id.startsWith('arn:') ? id : arn('secretsmanager', `secret:${id}-??????`);
  return [{ action: `secretsmanager:${operation}`, resource: directory.secretArn(id) ?? unknown }];
};

const named = (needs: Needs, ...operations: string[]): Record<string, Needs> =>
  Object.fromEntries(operations.map((operation) => [operation, needs]));

const SERVICES: Readonly<Record<string, Service>> = {
  DynamoDB_20120810: {
    name: 'dynamodb',
    operations: {
      ...named(onTable, 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'DescribeTable', 'DescribeTimeToLive'),
      ...named(onTableOrIndex, 'Query', 'Scan'),
      ...named(onEachTable, 'BatchGetItem', 'BatchWriteItem'),
      ...named(onEachItem, 'TransactWriteItems', 'TransactGetItems'),
    },
  },
  AmazonSQS: {
    name: 'sqs',
    operations: {
      ...named(onQueue, 'SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility'),
      ...named(onQueue, 'GetQueueAttributes', 'PurgeQueue'),
      ...named(onEntries, 'SendMessageBatch', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch'),
      GetQueueUrl: (_, input) => [{ action: 'sqs:GetQueueUrl', resource: arn('sqs', text(input, 'QueueName')) }],
    },
  },
  AWSEvents: {
    name: 'events',
    operations: {
      PutEvents: (_, input) => {
        const buses = objects(input, 'Entries').map((entry) => busArn(optional(entry, 'EventBusName', 'default')));
        return [...new Set(buses)].map((resource) => ({ action: 'events:PutEvents', resource }));
      },
      DescribeEventBus: (operation, input) => [
        { action: `events:${operation}`, resource: busArn(optional(input, 'Name', 'default')) },
      ],
      ListRules: () => [{ action: 'events:ListRules', resource: arn('events', 'rule/*') }],
    },
  },
  AWSSecurityTokenServiceV20110615: {
    name: 'sts',
    operations: {
      AssumeRole: (_, input) => [
        {
          action: 'sts:AssumeRole',
          resource: text(input, 'RoleArn'),
          context: input['ExternalId'] === undefined ? {} : { 'sts:externalid': text(input, 'ExternalId') },
        },
      ],
      // AWS lets everybody know who they are, whatever their policies say.
      GetCallerIdentity: () => [],
    },
  },
  secretsmanager: { name: 'secretsmanager', operations: named(ofSecret, 'GetSecretValue', 'DescribeSecret') },
};

/** IAM's and the signature's name of the service that has this prefix in `X-Amz-Target`, where it is one for functions. */
export function serviceOf(prefix: string): string | undefined {
  return Object.hasOwn(SERVICES, prefix) ? SERVICES[prefix]!.name : undefined;
}

/**
 * The permissions that AWS asks for when a service gets this call.
 *
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 *
 * @param target the call's `X-Amz-Target`, such as `DynamoDB_20120810.TransactWriteItems`
 * @throws ServiceError for operations whose needs are not known here, and for input that does not say what it is about
 */
export function neededPermissions(target: string, input: Input, directory: ArnDirectory): NeededPermission[] {
  const [prefix = '', operation = ''] = target.split('.');
  const operations = Object.hasOwn(SERVICES, prefix) ? SERVICES[prefix]!.operations : {};
  if (!Object.hasOwn(operations, operation)) {
    throw new ServiceError('UnknownOperationException', `The local cloud does not play ${target} for functions`);
  }
  return operations[operation]!(operation, input, directory);
}

/** ARN of the table with this name. */
export function tableArn(name: string): string {
  return arn('dynamodb', `table/${name}`);
}

/**
 * ARN of the queue with this URL.
 *
 * @throws ServiceError where it is no queue's URL
 */
export function queueArn(url: string): string {
  const [, account, name] = /^https?:\/\/[^/]+\/(\d{12})\/([\w.-]+)$/.exec(url) ?? [];
  if (account === undefined || name === undefined) {
    throw new ServiceError('InvalidAddress', `QueueUrl: ${url} is not the URL of a queue`);
  }
  return `arn:aws:sqs:${REGION}:${account}:${name}`;
}

/** Names of the tables that a call is about. */
export function tablesOf(input: Input): string[] {
  return [
    ...(input['TableName'] === undefined ? [] : [text(input, 'TableName')]),
    ...(input['RequestItems'] === undefined ? [] : Object.keys(object(input, 'RequestItems'))),
    ...(input['TransactItems'] === undefined
      ? []
      : objects(input, 'TransactItems').flatMap((item) =>
          Object.keys(item).map((kind) => text(object(item, kind), 'TableName')),
        )),
  ];
}

/** What Lambda asks of a role before it polls a queue. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
export function pollingQueue(queueArn: string): NeededPermission[] {
  const actions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
  return actions.map((action) => ({ action, resource: queueArn }));
}

/** What Lambda asks of a role before it reads a stream. https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html */
export function pollingStream(streamArn: string): NeededPermission[] {
  const actions = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'];
  return [...actions.map((action) => ({ action, resource: streamArn })), listingStreams(streamArn)];
}

/** ListStreams is about every stream of a table. */
export function listingStreams(streamArn: string): NeededPermission {
  return { action: 'dynamodb:ListStreams', resource: streamArn.replace(/\/stream\/.*$/, '/stream/*') };
}

/** What active tracing does in a role's name. */
export const TRACING: readonly NeededPermission[] = ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'].map(
  (action) => ({ action, resource: '*' }),
);

/** What Lambda does in a role's name to write a function's log; it also makes the group that a template does not. */
export function logging({ logGroup, makesLogGroup }: FunctionDefinition, logStream: string): NeededPermission[] {
  const group = arn('logs', `log-group:${logGroup}`);
  const actions = ['logs:CreateLogStream', 'logs:PutLogEvents'];
  return [
    ...(makesLogGroup ? [{ action: 'logs:CreateLogGroup', resource: `${group}:*` }] : []),
    ...actions.map((action) => ({ action, resource: `${group}:log-stream:${logStream}` })),
  ];
}

/** What API Gateway asks of a role in which it writes logs. https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html */
export function writingApiLogs(): NeededPermission[] {
  const actions = ['CreateLogGroup', 'CreateLogStream', 'DescribeLogGroups', 'DescribeLogStreams', 'PutLogEvents'];
  return actions.map((action) => ({ action: `logs:${action}`, resource: arn('logs', 'log-group:*') }));
}

/** A function as a caller of services. */
export function callerOf({ logicalId, roleArn, name }: FunctionDefinition): Caller {
  return { kind: 'function', logicalId, roleArn, roleId: uniqueId('AROA', roleArn), sessionName: name };
}

const invalid = (message: string): ServiceError => new ServiceError('ValidationException', message);

function text(input: Input, field: string): string {
  const value = input[field];
  if (typeof value !== 'string' || value === '') throw invalid(`${field} must be a text`);
  if (field === 'TableName' && value.startsWith('arn:')) {
    throw invalid(`${field}: the local cloud wants a table's name, not its ARN`);
  }
  return value;
}

function object(input: Input, field: string): Input {
  const value = input[field];
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw invalid(`${field} must be an object`);
  return value as Input;
}

function objects(input: Input, field: string): Input[] {
  const value = input[field];
  if (!Array.isArray(value) || value.length === 0) throw invalid(`${field} must be a list with something in it`);
  return value.map((_, index) => object(value as unknown as Input, String(index)));
}
