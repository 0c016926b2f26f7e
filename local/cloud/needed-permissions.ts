import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import { ServiceError } from './json-service.ts';
import type { NeededPermission } from './service-call.ts';

/** Knows the ARNs of things that calls name in other ways. */
export interface ArnDirectory {
  /** Of a secret, by name or ARN; undefined where nobody has made it. */
  secretArn(id: string): string | undefined;
}

type Input = Readonly<Record<string, unknown>>;

const arn = (service: string, resource: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT_ID}:${resource}`;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const entries = (value: unknown): [string, unknown][] =>
  value !== null && typeof value === 'object' ? Object.entries(value) : [];

/** ARN of a table that a call names by its name or its ARN. */
export function tableArn(table: string): string {
  return table.startsWith('arn:') ? table : arn('dynamodb', `table/${table}`);
}

/** ARN of the queue with this URL. */
export function queueArn(url: string): string {
  return arn('sqs', url.split('/').at(-1) ?? '');
}

/**
 * The permissions that AWS asks for when a service gets this call.
 *
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 *
 * @param target the call's `X-Amz-Target`, such as `DynamoDB_20120810.TransactWriteItems`
 * @throws ServiceError for services that the local cloud does not play
 */
export function neededPermissions(target: string, input: Input, directory: ArnDirectory): NeededPermission[] {
  const [prefix = '', operation = ''] = target.split('.');
  switch (prefix) {
    case 'DynamoDB_20120810':
      return ofDynamoDb(operation, input);
    case 'DynamoDBStreams_20120810':
      return [{ action: `dynamodb:${operation}`, resource: text(input['StreamArn']) || '*' }];
    case 'AmazonSQS':
      return ofSqs(operation, input);
    case 'AWSEvents':
      return ofEventBridge(operation, input);
    case 'secretsmanager': {
      const id = text(input['SecretId']);
      // What does not exist has an ARN to judge all the same, or it would be told apart from what is forbidden.
      const resource =
        directory.secretArn(id) ?? (id.startsWith('arn:') ? id : arn('secretsmanager', `secret:${id}-??????`));
      return [{ action: `secretsmanager:${operation}`, resource }];
    }
    default:
      throw new ServiceError('UnknownOperationException', `The local cloud does not play ${target}`);
  }
}

function ofDynamoDb(operation: string, input: Input): NeededPermission[] {
  const onTable = (action: string, table: unknown): NeededPermission => ({
    action: `dynamodb:${action}`,
    resource: tableArn(text(table)),
  });
  switch (operation) {
    case 'Query':
    case 'Scan': {
      const { action, resource } = onTable(operation, input['TableName']);
      const index = text(input['IndexName']);
      return [{ action, resource: index === '' ? resource : `${resource}/index/${index}` }];
    }
    case 'BatchGetItem':
    case 'BatchWriteItem':
      return entries(input['RequestItems']).map(([table]) => onTable(operation, table));
    // A transaction is no action of its own: each of its items needs what it would need alone.
    case 'TransactWriteItems':
    case 'TransactGetItems': {
      const actions: Record<string, string> = {
        Put: 'PutItem',
        Update: 'UpdateItem',
        Delete: 'DeleteItem',
        ConditionCheck: 'ConditionCheckItem',
        Get: 'GetItem',
      };
      const items = Array.isArray(input['TransactItems']) ? (input['TransactItems'] as unknown[]) : [];
      const needed = items.flatMap((item) =>
        entries(item).map(([kind, of]) => onTable(actions[kind] ?? kind, (of as Input)['TableName'])),
      );
      return [...new Map(needed.map((one) => [`${one.action} ${one.resource}`, one])).values()];
    }
    case 'ListTables':
      return [{ action: 'dynamodb:ListTables', resource: '*' }];
    default:
      return [onTable(operation, input['TableName'])];
  }
}

function ofSqs(operation: string, input: Input): NeededPermission[] {
  if (operation === 'ListQueues') return [{ action: 'sqs:ListQueues', resource: '*' }];
  const name = text(input['QueueName']);
  const resource = name === '' ? queueArn(text(input['QueueUrl'])) : arn('sqs', name);
  // A batch needs what its entries need.
  return [{ action: `sqs:${operation.replace(/Batch$/, '')}`, resource }];
}

function ofEventBridge(operation: string, input: Input): NeededPermission[] {
  const bus = (name: unknown): string => {
    const given = text(name) || 'default';
    return given.startsWith('arn:') ? given : arn('events', `event-bus/${given}`);
  };
  const action = `events:${operation}`;
  if (operation === 'PutEvents') {
    const list = Array.isArray(input['Entries']) ? (input['Entries'] as Input[]) : [];
    const buses = new Set(list.map((entry) => bus(entry['EventBusName'])));
    return [...buses].map((resource) => ({ action, resource }));
  }
  if (operation === 'ListRules') return [{ action, resource: arn('events', 'rule/*') }];
  return [{ action, resource: bus(input['EventBusName'] ?? input['Name']) }];
}
