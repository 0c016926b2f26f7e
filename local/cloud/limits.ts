import { ServiceError } from './json-service.ts';

/** Largest payload of a synchronous invocation, of an event source's batch and of a function's answer, in bytes. */
export const SYNCHRONOUS_PAYLOAD_BYTES = 6 * 1024 * 1024;
/** Largest event of an asynchronous invocation, in bytes. */
const ASYNCHRONOUS_PAYLOAD_BYTES = 1024 * 1024;
/** The entries of one PutEvents request must stay below this many bytes in total. */
const PUT_EVENTS_BYTES = 1024 * 1024;
const PUT_EVENTS_ENTRIES = 10;
const PUT_PARTNER_EVENTS_ENTRIES = 20;
const SECRET_BYTES = 65_536;

type Input = Record<string, unknown>;

/**
 * Refuses a request that AWS would refuse for its size or form and the engines would not.
 *
 * @param target the X-Amz-Target, such as `AmazonSQS.SendMessage`
 * @param input the request as it stands on the wire
 * @throws ServiceError with AWS's own code, and a message that names the limit
 *
 * Only what an engine leaves unchecked is here; each is from the service's own documents:
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
export function checkLimits(target: string, input: Record<string, unknown>): void {
  const [service, operation = ''] = target.split('.');
  if (service === 'AmazonSQS') checkQueueRequest(operation, input);
  else if (service === 'DynamoDB_20120810') checkTableRequest(operation, input);
  else if (target === 'AWSEvents.PutEvents') checkPutEvents(input, 'PutEventsRequestEntry', PUT_EVENTS_ENTRIES);
  else if (target === 'AWSEvents.PutPartnerEvents')
    checkPutEvents(input, 'PutPartnerEventsRequestEntry', PUT_PARTNER_EVENTS_ENTRIES);
}

/**
 * Refuses a payload that Lambda would not take. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 *
 * @param bytes the payload's length in UTF-8
 * @throws ServiceError `RequestTooLargeException` over 6 MiB (`RequestResponse`) or 1 MiB (`Event`)
 */
export function checkInvocationPayload(bytes: number, type: 'RequestResponse' | 'Event'): void {
  const limit = type === 'Event' ? ASYNCHRONOUS_PAYLOAD_BYTES : SYNCHRONOUS_PAYLOAD_BYTES;
  if (bytes <= limit) return;
  throw new ServiceError(
    'RequestTooLargeException',
    `${bytes} byte payload is too large for the ${type} invocation type (limit ${limit} bytes)`,
  );
}

/**
 * Refuses a secret that Secrets Manager would not keep.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
 *
 * @throws ServiceError `ValidationException` unless the text has 1 to 65,536 bytes in UTF-8
 */
export function checkSecret(secretString: string): void {
  const bytes = Buffer.byteLength(secretString);
  if (bytes >= 1 && bytes <= SECRET_BYTES) return;
  throw new ServiceError(
    'ValidationException',
    `A secret value has ${bytes} bytes; it must have length between 1 and ${SECRET_BYTES}.`,
  );
}

/**
 * Why SQS would not take one message, whether it comes alone or in a batch.
 *
 * @param queueUrl only its name counts: that of a FIFO queue ends in `.fifo`
 * @returns nothing where there is no objection
 */
export function messageFault(message: Record<string, unknown>, queueUrl: string): ServiceError | undefined {
  return (
    delayFault(message['DelaySeconds']) ??
    tokenFault('MessageGroupId', message['MessageGroupId']) ??
    tokenFault('MessageDeduplicationId', message['MessageDeduplicationId']) ??
    queueTypeFault(message, queueUrl) ??
    attributesFault(message['MessageAttributes'])
  );
}

const invalid = (message: string) => new ServiceError('InvalidParameterValue', message);
const invalidValue = (value: unknown, parameter: string, reason: string) =>
  invalid(`Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}`);

const BATCH_OPERATIONS = ['SendMessageBatch', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch'];

function checkQueueRequest(operation: string, input: Input): void {
  if (operation === 'SendMessage') {
    const fault = messageFault(input, String(input['QueueUrl']));
    if (fault) throw fault;
  }
  if (!BATCH_OPERATIONS.includes(operation) || !Array.isArray(input['Entries'])) return;
  for (const [index, entry] of (input['Entries'] as Input[]).entries()) {
    const missing = (field: string) =>
      new ServiceError(
        'MissingParameter',
        `The request must contain the parameter ${operation}RequestEntry.${index + 1}.${field}.`,
      );
    if (typeof entry['Id'] !== 'string') throw missing('Id');
    if (entry['Id'].length > 80) {
      throw new ServiceError(
        'InvalidBatchEntryId',
        'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
      );
    }
    const needed = operation === 'SendMessageBatch' ? 'MessageBody' : 'ReceiptHandle';
    if (typeof entry[needed] !== 'string' || entry[needed] === '') throw missing(needed);
  }
}

function delayFault(delay: unknown): ServiceError | undefined {
  if (delay === undefined || delay === null) return undefined;
  if (Number.isInteger(delay) && (delay as number) >= 0 && (delay as number) <= 900) return undefined;
  return invalidValue(delay, 'DelaySeconds', 'DelaySeconds must be >= 0 and <= 900.');
}

/** Letters, digits and the punctuation of ASCII. */
const TOKEN = /^[!-~]{1,128}$/;

function tokenFault(parameter: string, value: unknown): ServiceError | undefined {
  if (value === undefined || value === null || (typeof value === 'string' && TOKEN.test(value))) return undefined;
  const reason = `${parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.`;
  return invalidValue(value, parameter, reason);
}

function queueTypeFault(message: Input, queueUrl: string): ServiceError | undefined {
  if (queueUrl.endsWith('.fifo') || message['MessageDeduplicationId'] === undefined) return undefined;
  const reason = 'The request includes a parameter that is not valid for this queue type.';
  return invalidValue(message['MessageDeduplicationId'], 'MessageDeduplicationId', reason);
}

const ATTRIBUTES = 10;
const ATTRIBUTE_NAME = /^(?!(aws|amazon)\.)(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/i;

function attributesFault(attributes: unknown): ServiceError | undefined {
  const entries = Object.entries((attributes ?? {}) as Record<string, Input>);
  if (entries.length > ATTRIBUTES) {
    return invalid(`Number of message attributes [${entries.length}] exceeds the allowed maximum [${ATTRIBUTES}].`);
  }
  for (const [name, { DataType, StringValue, BinaryValue }] of entries) {
    const about = `message (user) attribute '${name}'`;
    if (!ATTRIBUTE_NAME.test(name)) {
      return invalid(
        `The name of ${about} is invalid. It can have up to 256 characters: A-Z, a-z, 0-9, underscores, hyphens and single periods inside, and no AWS. or Amazon. in front.`,
      );
    }
    const type = typeof DataType === 'string' ? /^(String|Number|Binary)(\..*)?$/.exec(DataType)?.[1] : undefined;
    if (type === undefined || (DataType as string).length > 256) {
      return invalid(
        `The type of ${about} is invalid. You must use only the following supported type prefixes: Binary, Number, String, and at most 256 characters.`,
      );
    }
    const value = type === 'Binary' ? BinaryValue : StringValue;
    if (typeof value !== 'string' || value === '') {
      return invalid(
        `The ${about} must contain a non-empty value of type '${type === 'Binary' ? 'Binary' : 'String'}'.`,
      );
    }
    if (type === 'Number' && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) {
      return invalid(`Can't cast the value of ${about} to a number.`);
    }
  }
  return undefined;
}

const EXPRESSION_BYTES = 4096;
const SUBSTITUTION_NAME_BYTES = 255;
const SUBSTITUTIONS_BYTES = 2 * 1024 * 1024;
const IN_OPERANDS = 100;
const EXPRESSIONS = [
  'ConditionExpression',
  'FilterExpression',
  'KeyConditionExpression',
  'ProjectionExpression',
  'UpdateExpression',
];

const validation = (message: string) => new ServiceError('ValidationException', message);

function checkTableRequest(operation: string, input: Input): void {
  if (input['ClientRequestToken'] === '') {
    throw validation(
      "1 validation error detected: Value '' at 'clientRequestToken' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
  }
  const requests = operation.startsWith('Transact')
    ? ((input['TransactItems'] ?? []) as Input[]).flatMap((item) => Object.values(item) as Input[])
    : [input];
  for (const request of requests) checkExpressions(request);
}

function checkExpressions(request: Input): void {
  for (const kind of EXPRESSIONS) {
    const expression = request[kind];
    if (typeof expression !== 'string') continue;
    const bytes = Buffer.byteLength(expression);
    if (bytes > EXPRESSION_BYTES) {
      throw validation(
        `Invalid ${kind}: Expression size has exceeded the maximum allowed size of ${EXPRESSION_BYTES} bytes; expression size: ${bytes}`,
      );
    }
    for (const [, operands] of expression.matchAll(/\bIN\s*\(([^()]*)\)/gi)) {
      const count = operands!.split(',').length;
      if (count > IN_OPERANDS) {
        throw validation(
          `Invalid ${kind}: Too many operands for the IN operator (limit ${IN_OPERANDS}); number of operands: ${count}`,
        );
      }
    }
  }
  checkSubstitutions('ExpressionAttributeNames', request);
  checkSubstitutions('ExpressionAttributeValues', request);
}

function checkSubstitutions(kind: string, request: Input): void {
  const substitutions = request[kind];
  if (substitutions === null || typeof substitutions !== 'object') return;
  for (const name of Object.keys(substitutions)) {
    if (Buffer.byteLength(name) <= SUBSTITUTION_NAME_BYTES) continue;
    throw validation(`${kind} contains a name of more than ${SUBSTITUTION_NAME_BYTES} bytes: ${name.slice(0, 40)}…`);
  }
  // Its JSON is somewhat longer than what DynamoDB counts; only what is near the limit is worth the exact answer.
  if (JSON.stringify(substitutions).length <= SUBSTITUTIONS_BYTES) return;
  const bytes = Object.entries(substitutions as Input).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value),
    0,
  );
  if (bytes > SUBSTITUTIONS_BYTES) {
    throw validation(`${kind} exceeds the maximum of ${SUBSTITUTIONS_BYTES} bytes for all substitution variables.`);
  }
}

/** An attribute value's own bytes: text in UTF-8, and binary data as it is outside JSON. */
function valueBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value === null || typeof value !== 'object') return 1;
  return Object.entries(value).reduce((sum, [type, content]) => {
    if (type === 'B' && typeof content === 'string') return sum + Buffer.byteLength(content, 'base64');
    return sum + valueBytes(content);
  }, 0);
}

interface EventEntry {
  Time?: unknown;
  Source?: string;
  DetailType?: string;
  Detail?: string;
  Resources?: string[];
}

function checkPutEvents({ Entries }: Input, type: string, most: number): void {
  if (!Array.isArray(Entries)) return;
  if (Entries.length > most) {
    throw validation(
      `1 validation error detected: Value '[${type}]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to ${most}`,
    );
  }
  const bytes = (Entries as EventEntry[]).reduce((sum, entry) => sum + eventEntryBytes(entry), 0);
  if (bytes >= PUT_EVENTS_BYTES) {
    throw validation(
      `Total size of the entries in the request is over the limit: it has ${bytes} bytes and must have less than ${PUT_EVENTS_BYTES}.`,
    );
  }
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html */
function eventEntryBytes({ Time, Source, DetailType, Detail, Resources }: EventEntry): number {
  const texts = [Source, DetailType, Detail, ...(Array.isArray(Resources) ? Resources : [])];
  return texts.reduce(
    (sum, text) => sum + (typeof text === 'string' ? Buffer.byteLength(text) : 0),
    Time === undefined ? 0 : 14,
  );
}
