import {
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  IdempotentParameterMismatchException,
  ResourceNotFoundException,
  TransactionCanceledException,
  type CancellationReason,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  type BatchGetCommandInput,
  type DynamoDBDocumentClient,
  type QueryCommandInput,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import {
  checkReferences,
  InvalidExpression,
  order,
  parseCondition,
  parseProjection,
  parseUpdate,
  typeOf,
  type Row,
  type Scope,
} from './dynamodb-expressions.ts';

export interface KeyAttribute {
  readonly name: string;
  readonly type: 'S' | 'N';
}
export interface KeySchema {
  readonly partitionKey: KeyAttribute;
  readonly sortKey: KeyAttribute;
}
export interface TableSchema extends KeySchema {
  /** By name. An index gives whole rows where it projects ALL, otherwise keys. */
  readonly indexes?: Readonly<Record<string, KeySchema & { readonly projection: 'ALL' | 'KEYS_ONLY' }>>;
}

export interface MemoryDatabaseOptions {
  /**
   * Whether an eventually consistent read, of a table or an index, does not see the latest write of any row that it meets.
   * Asked once for each such read.
   *
   * @default never
   */
  readonly isBehind?: () => boolean;
}

export interface MemoryDatabase {
  readonly client: DynamoDBDocumentClient;
  /** Every row of a table as it stands; not to be changed. */
  rows(table: string): readonly Row[];
  /** What stands under a key; not to be changed. */
  row(table: string, key: Row): Row | undefined;
}

/** The entitlements and the history, as the stack defines them. */
export const ENTITLEMENT_TABLES = {
  Entitlements: {
    partitionKey: { name: 'owner', type: 'S' },
    sortKey: { name: 'part', type: 'S' },
    indexes: {
      open: {
        partitionKey: { name: 'open', type: 'S' },
        sortKey: { name: 'since', type: 'N' },
        projection: 'ALL',
      },
    },
  },
  History: {
    partitionKey: { name: 'watchId', type: 'S' },
    sortKey: { name: 'version', type: 'N' },
    indexes: {
      unpublished: {
        partitionKey: { name: 'unpublished', type: 'S' },
        sortKey: { name: 'observedAt', type: 'S' },
        projection: 'KEYS_ONLY',
      },
    },
  },
} as const satisfies Record<string, TableSchema>;

/** A place in a table. */
interface Slot {
  row: Row | undefined;
  /** What stood there before the latest write. */
  earlier: Row | undefined;
}

/** A table: slots by partition key, then by sort key. Rows are never changed, only replaced. */
class Table {
  readonly schema: TableSchema;
  readonly partitions = new Map<unknown, Map<unknown, Slot>>();

  constructor(schema: TableSchema) {
    this.schema = schema;
  }

  slot(key: Row): Slot {
    const { partitionKey, sortKey } = this.schema;
    let partition = this.partitions.get(key[partitionKey.name]);
    if (!partition) this.partitions.set(key[partitionKey.name], (partition = new Map<unknown, Slot>()));
    let slot = partition.get(key[sortKey.name]);
    if (!slot) partition.set(key[sortKey.name], (slot = { row: undefined, earlier: undefined }));
    return slot;
  }

  *slots(): Iterable<Slot> {
    for (const partition of this.partitions.values()) yield* partition.values();
  }
}

type WriteInput = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** What is sent to one place: its condition, and what it makes of the row. */
interface Write {
  readonly slot: Slot;
  /** @throws InvalidExpression where the row that is sent does not fit the indexes, whatever stands */
  readonly holds: (row: Row | undefined) => boolean;
  readonly tellsOld: boolean;
  /** @returns the row that stands afterwards. @throws InvalidExpression */
  readonly result: (row: Row | undefined) => Row | undefined;
}

const MOST_WRITES = 100;
const MOST_KEYS = 100;
const $metadata = { httpStatusCode: 400, requestId: 'of-the-memory-database', attempts: 1, totalRetryDelay: 0 };

/**
 * DynamoDB in memory, for what entitlements are kept with: the commands, expressions and errors of their stores, behind
 * DynamoDBDocumentClient's `send`. A command has its effect, all of it, in the very moment in which it is sent. What it does
 * not know is an error that is not DynamoDB's. Client request tokens are kept for good.
 */
export function memoryDatabase(
  schemas: Readonly<Record<string, TableSchema>>,
  { isBehind = () => false }: MemoryDatabaseOptions = {},
): MemoryDatabase {
  const tables = new Map(Object.entries(schemas).map(([name, schema]) => [name, new Table(schema)]));
  /** What was sent with each client request token. */
  const tokens = new Map<string, TransactWriteCommandInput['TransactItems']>();

  const tableOf = (name: string | undefined): Table => {
    const table = tables.get(name ?? '');
    if (!table) throw new ResourceNotFoundException({ message: 'Requested resource not found', $metadata });
    return table;
  };

  const get = (
    table: Table,
    key: unknown,
    consistent: boolean | undefined,
    projection: Projection,
  ): Row | undefined => {
    const slot = table.slot(keyOf(table.schema, key));
    const row = consistent !== true && isBehind() ? slot.earlier : slot.row;
    return row && projection(row);
  };

  const query = (input: QueryCommandInput): unknown => {
    const { TableName, IndexName, KeyConditionExpression, FilterExpression, ConsistentRead } = input;
    const table = tableOf(TableName);
    const index = IndexName === undefined ? undefined : table.schema.indexes?.[IndexName];
    if (IndexName !== undefined && !index) throw new InvalidExpression(`no index of that name: ${IndexName}`);
    if (index && ConsistentRead === true) throw new InvalidExpression('Consistent reads are not supported on indexes');
    const scope = scopeOf(input);
    const wanted = parseCondition(KeyConditionExpression ?? '');
    const filter = FilterExpression === undefined ? undefined : parseCondition(FilterExpression);
    const projected =
      input.ProjectionExpression === undefined ? undefined : parseProjection(input.ProjectionExpression);
    checkReferences(scope, [wanted, filter, projected]);
    if (input.Limit !== undefined && input.Limit < 1) throw new InvalidExpression('Limit must be at least 1');

    const behind = ConsistentRead !== true && isBehind();
    const { partitionKey, sortKey } = index ?? table.schema;
    const found: Row[] = [];
    for (const slot of table.slots()) {
      const row = behind ? slot.earlier : slot.row;
      // A row without the index's keys is not in the index.
      if (row?.[partitionKey.name] === undefined || row[sortKey.name] === undefined) continue;
      if (wanted.holds(row, scope)) found.push(row);
    }
    const keys = [sortKey, ...(index ? [table.schema.partitionKey, table.schema.sortKey] : [])].map(({ name }) => name);
    const forwards = input.ScanIndexForward === false ? -1 : 1;
    const inOrder = (one: Row, other: Row): number => {
      for (const key of keys) {
        const difference = order(one[key] as string, other[key] as string);
        if (difference !== 0) return forwards * difference;
      }
      return 0;
    };
    found.sort(inOrder);
    const start = input.ExclusiveStartKey;
    const rest = start === undefined ? found : found.filter((row) => inOrder(row, start) > 0);
    const limit = input.Limit ?? Infinity;
    const read = rest.slice(0, limit);
    const last = read.length === limit ? read.at(-1) : undefined;
    const passed = filter ? read.filter((row) => filter.holds(row, scope)) : read;
    const keyNames = [
      ...new Set([partitionKey.name, ...keys, table.schema.partitionKey.name, table.schema.sortKey.name]),
    ];
    const attributes = projected?.attributes(scope) ?? (index?.projection === 'KEYS_ONLY' ? keyNames : undefined);
    return {
      Items: passed.map((row) => (attributes ? pick(row, attributes) : copy(row))),
      Count: passed.length,
      ScannedCount: read.length,
      ...(last && { LastEvaluatedKey: pick(last, keyNames) }),
    };
  };

  const batchGet = ({ RequestItems = {} }: BatchGetCommandInput): unknown => {
    const Responses: Record<string, Row[]> = {};
    let asked = 0;
    for (const [name, request] of Object.entries(RequestItems)) {
      const table = tableOf(name);
      const keys = request.Keys ?? [];
      asked += keys.length;
      if (new Set(keys.map((key) => table.slot(keyOf(table.schema, key)))).size < keys.length) {
        throw new InvalidExpression('Provided list of item keys contains duplicates');
      }
      const projection = projectionOf(request);
      Responses[name] = keys
        .map((key) => get(table, key, request.ConsistentRead, projection))
        .filter((row) => row !== undefined);
    }
    if (asked < 1 || asked > MOST_KEYS) throw new InvalidExpression(`1 to ${MOST_KEYS} keys`);
    return { Responses, UnprocessedKeys: {} };
  };

  const writeOf = (input: WriteInput): Write => {
    const { Put, Update, Delete, ConditionCheck } = input;
    const sent = Put ?? Update ?? Delete ?? ConditionCheck;
    if (!sent) throw new InvalidExpression('a write is a Put, an Update, a Delete or a ConditionCheck');
    const { schema } = tableOf(sent.TableName);
    const scope = scopeOf(sent);
    const condition = sent.ConditionExpression === undefined ? undefined : parseCondition(sent.ConditionExpression);
    const update = Update && parseUpdate(Update.UpdateExpression ?? '');
    checkReferences(scope, [condition, update]);
    const item = Put && copy(Put.Item ?? {});
    const key = item
      ? pick(item, [schema.partitionKey.name, schema.sortKey.name])
      : copy(Update?.Key ?? Delete?.Key ?? ConditionCheck?.Key ?? {});
    const slot = tableOf(sent.TableName).slot(keyOf(schema, key));
    if (update) {
      const targets = update.targets(scope);
      if (new Set(targets).size < targets.length) throw new InvalidExpression('Two document paths overlap');
      if (targets.some((target) => target === schema.partitionKey.name || target === schema.sortKey.name)) {
        throw new InvalidExpression('This attribute is part of the key');
      }
    }
    return {
      slot,
      holds: (row) => {
        if (item) checkIndexKeys(schema, item);
        return condition?.holds(row, scope) ?? true;
      },
      tellsOld: sent.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
      result: (row) => {
        if (Delete || ConditionCheck) return undefined;
        if (item) return item;
        const updated = update!.apply(row ?? key, scope);
        checkIndexKeys(schema, updated);
        return updated;
      },
    };
  };

  const change = (slot: Slot, row: Row | undefined): void => {
    slot.earlier = slot.row;
    slot.row = row;
  };

  const write = (input: WriteInput, returned: string | undefined): unknown => {
    const { slot, holds, tellsOld, result } = writeOf(input);
    const old = slot.row;
    if (!holds(old)) {
      throw new ConditionalCheckFailedException({
        message: 'The conditional request failed',
        $metadata,
        ...(tellsOld && old && { Item: marshall(old) }),
      });
    }
    // Of an update that makes the row, the engine tells the key as what stood there before, and DynamoDB nothing.
    if (!(input.Update ? ['ALL_NEW', 'NONE'] : ['ALL_OLD', 'NONE']).includes(returned ?? 'NONE')) {
      throw new Error(`the memory database does not know these ReturnValues: ${String(returned)}`);
    }
    change(slot, result(old));
    const told = returned === 'ALL_OLD' ? old : returned === 'ALL_NEW' ? slot.row : undefined;
    return told ? { Attributes: copy(told) } : {};
  };

  const transactWrite = ({ TransactItems = [], ClientRequestToken: token }: TransactWriteCommandInput): unknown => {
    if (TransactItems.length < 1 || TransactItems.length > MOST_WRITES) {
      throw new InvalidExpression(`1 to ${MOST_WRITES} writes`);
    }
    if (token !== undefined && tokens.has(token)) {
      if (JSON.stringify(tokens.get(token)) === JSON.stringify(TransactItems)) return {};
      throw new IdempotentParameterMismatchException({
        message: 'the token was sent with another transaction',
        $metadata,
      });
    }
    const writes = TransactItems.map(writeOf);
    if (new Set(writes.map(({ slot }) => slot)).size < writes.length) {
      throw new InvalidExpression('Transaction request cannot include multiple operations on one item');
    }
    const results: (Row | undefined)[] = [];
    const reasons = writes.map(({ slot: { row }, holds, tellsOld, result }): CancellationReason => {
      try {
        if (!holds(row)) {
          const Item = tellsOld && row ? { Item: marshall(row) } : {};
          return { ...Item, Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' };
        }
        results.push(result(row));
        return { Code: 'None' };
      } catch (error) {
        if (error instanceof InvalidExpression) return { Code: 'ValidationError', Message: error.message };
        throw error;
      }
    });
    if (reasons.some(({ Code }) => Code !== 'None')) {
      throw new TransactionCanceledException({
        message:
          'Transaction cancelled, please refer cancellation reasons for specific reasons ' +
          `[${reasons.map(({ Code }) => Code).join(', ')}]`,
        $metadata,
        CancellationReasons: reasons,
      });
    }
    writes.forEach(({ slot }, index) => {
      // A ConditionCheck writes nothing.
      if (!TransactItems[index]?.ConditionCheck) change(slot, results[index]);
    });
    if (token !== undefined) tokens.set(token, TransactItems);
    return {};
  };

  const answer = (command: unknown): unknown => {
    if (command instanceof TransactWriteCommand) return transactWrite(command.input);
    if (command instanceof QueryCommand) return query(command.input);
    if (command instanceof GetCommand) {
      const { TableName, Key, ConsistentRead } = command.input;
      const Item = get(tableOf(TableName), Key, ConsistentRead, projectionOf(command.input));
      return Item ? { Item } : {};
    }
    if (command instanceof BatchGetCommand) return batchGet(command.input);
    if (command instanceof PutCommand) return write({ Put: command.input }, command.input.ReturnValues);
    if (command instanceof UpdateCommand) return write({ Update: command.input as never }, command.input.ReturnValues);
    if (command instanceof DeleteCommand) return write({ Delete: command.input }, command.input.ReturnValues);
    throw new Error(`the memory database does not know ${(command as object).constructor.name}`);
  };

  return {
    client: {
      send: async (command: unknown) => {
        try {
          return answer(command);
        } catch (error) {
          if (!(error instanceof InvalidExpression)) throw error;
          const { message } = error;
          throw new DynamoDBServiceException({ name: 'ValidationException', $fault: 'client', message, $metadata });
        }
      },
    } as unknown as DynamoDBDocumentClient,
    row: (name, key) => tableOf(name).slot(key).row,
    rows: (name) => [...tableOf(name).slots()].map(({ row }) => row).filter((row) => row !== undefined),
  };
}

type Projection = (row: Row) => Row;

interface Expressions {
  readonly ExpressionAttributeNames?: Record<string, string> | undefined;
  readonly ExpressionAttributeValues?: Record<string, unknown> | undefined;
}

const NOTHING = {};

function scopeOf({ ExpressionAttributeNames: names = NOTHING, ExpressionAttributeValues: values }: Expressions): Scope {
  return { names, values: values ? copy(values) : NOTHING };
}

function projectionOf(input: Expressions & { readonly ProjectionExpression?: string | undefined }): Projection {
  const scope = scopeOf(input);
  const projected = input.ProjectionExpression === undefined ? undefined : parseProjection(input.ProjectionExpression);
  checkReferences(scope, [projected]);
  const attributes = projected?.attributes(scope);
  return (row) => (attributes ? pick(row, attributes) : copy(row));
}

/** The key of a row, which has to be that of the table. */
function keyOf({ partitionKey, sortKey }: KeySchema, key: unknown): Row {
  const given = key as Row;
  for (const { name, type } of [partitionKey, sortKey]) {
    const value = given[name];
    if (value === undefined || typeOf(value) !== type || value === '') {
      throw new InvalidExpression(`the key ${name} is missing, empty or of another type`);
    }
  }
  if (Object.keys(given).length > 2) throw new InvalidExpression('The provided key element does not match the schema');
  return given;
}

/** Keys of an index may be missing, but not be of another type. */
function checkIndexKeys({ indexes = NOTHING }: TableSchema, row: Row): void {
  for (const { partitionKey, sortKey } of Object.values(indexes) as KeySchema[]) {
    for (const { name, type } of [partitionKey, sortKey]) {
      const value = row[name];
      if (value !== undefined && (typeOf(value) !== type || value === '')) {
        throw new InvalidExpression(`Type mismatch for Index Key ${name}`);
      }
    }
  }
}

function pick(row: Row, attributes: readonly string[]): Row {
  const picked: Record<string, unknown> = {};
  for (const name of attributes) if (row[name] !== undefined) picked[name] = copyOf(row[name]);
  return picked;
}

/** A row of one's own: what is read is the caller's, and what is sent loses what is undefined, as by the stack's client. */
function copy(row: Row): Row {
  return copyOf(row) as Row;
}

function copyOf(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new Error(`Special numeric value ${value} is not allowed`);
  }
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (Array.isArray(value)) return value.filter((one) => one !== undefined).map(copyOf);
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) {
    throw new Error(`the memory database does not know values of type ${typeof value}`);
  }
  const copied: Record<string, unknown> = {};
  for (const name in value) {
    const field = (value as Row)[name];
    if (field !== undefined) copied[name] = copyOf(field);
  }
  return copied;
}
