import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AccessControl } from './access-control.ts';
import { checkSignature, type SignatureProblem, type SigningKey } from './iam/signature.ts';
import { ServiceError, type Operations } from './json-service.ts';
import { checkLimits } from './limits.ts';
import { neededPermissions, queueArn, tableArn } from './needed-permissions.ts';
import type { Caller } from './service-call.ts';

/** What is behind the door. It is opened before the engines and functions are there, because these need its address. */
export interface Household {
  readonly access: AccessControl;
  /** Operations that the cloud plays itself. */
  readonly operations: Operations;
  /** Base URL of the engine for a target's prefix, such as `DynamoDB_20120810`. */
  readonly engines: Readonly<Record<string, string>>;
  /** Whose key that is. */
  caller(accessKeyId: string): (SigningKey & { caller: Caller }) | undefined;
  secretArn(id: string): string | undefined;
  /** ARNs of the template's tables and queues: an engine may hold others, from an earlier template. */
  exists(arn: string): boolean;
  /** URL of the engine's for a queue of the template. */
  engineQueueUrl(arn: string): string | undefined;
  /** False takes requests without a signature for the operator's. */
  readonly enforced: boolean;
}

export interface FrontDoor {
  readonly url: string;
  open(household: Household): void;
  stop(): Promise<void>;
}

const OPERATOR: Caller = { kind: 'operator' };
const CODE_OF: Readonly<Record<SignatureProblem['kind'], string>> = {
  missing: 'MissingAuthenticationTokenException',
  incomplete: 'IncompleteSignatureException',
  'unknown key': 'UnrecognizedClientException',
  expired: 'InvalidSignatureException',
  wrong: 'InvalidSignatureException',
};

/**
 * The one address of every service: checks who calls and whether they may, then answers or passes the call on to an engine.
 * Engines themselves let everybody do everything.
 */
export async function buildFrontDoor(): Promise<FrontDoor> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let household: Household | undefined;
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => fail(response, error));
  });
  // A frozen Lambda environment cannot notice that an idle connection was closed, so it is kept for longer than it is idle.
  server.keepAliveTimeout = 10 * 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (!household) throw new ServiceError('ServiceUnavailable', 'The local cloud is still starting', 503);
    const target = String(request.headers['x-amz-target'] ?? `${request.method} ${request.url}`);
    const [prefix = '', operation = ''] = target.split('.');
    const caller = authenticate(request, body, household);
    const input = parse(body);
    if (!(prefix in household.engines) && !Object.hasOwn(household.operations, target)) {
      throw new ServiceError('UnknownOperationException', `The local cloud does not play ${target}`);
    }
    if (prefix === 'DynamoDBStreams_20120810' && caller.kind === 'function') {
      throw new ServiceError('UnknownOperationException', 'The local cloud plays streams for event sources only');
    }
    const permissions = neededPermissions(target, input, household);
    const service = permissions[0]?.action.split(':')[0] ?? '';
    household.access.judge({ caller, service, operation, input, permissions });
    checkLimits(target, input);
    const own = Object.hasOwn(household.operations, target) ? household.operations[target] : undefined;
    if (own) return reply(response, 200, await own(input));
    await pass(
      request,
      response,
      engineBody(caller, prefix, input, body, household),
      household.engines[prefix]!,
      prefix,
    );
  }

  /** Passes a call on to an engine, and its answer back. */
  async function pass(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    engine: string,
    prefix: string,
  ): Promise<void> {
    const { connection: _, 'transfer-encoding': __, host: ___, ...headers } = request.headers;
    const sent = send(engine, { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } });
    // A caller that hangs up takes its long poll along.
    response.once('close', () => {
      if (!response.writableEnded) sent.destroy();
    });
    sent.end(body);
    const [answered] = (await once(sent, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answered) chunks.push(chunk as Buffer);
    let content = Buffer.concat(chunks);
    // Whoever asks for a queue's URL must come through this door again.
    if (prefix === 'AmazonSQS') content = Buffer.from(content.toString('utf8').replaceAll(new URL(engine).origin, url));
    const { connection: ____, 'transfer-encoding': _____, ...answerHeaders } = answered.headers;
    response.writeHead(answered.statusCode ?? 502, { ...answerHeaders, 'content-length': content.length });
    response.end(content);
  }

  return {
    url,
    open: (opened) => {
      household = opened;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function authenticate(request: IncomingMessage, body: Buffer, household: Household): Caller {
  const keyOf = (accessKeyId: string) => household.caller(accessKeyId);
  const { method = '', url = '/', headers } = request;
  if (!household.enforced) {
    const accessKeyId = /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1];
    return keyOf(accessKeyId ?? '')?.caller ?? OPERATOR;
  }
  const check = checkSignature({ method, url, headers, body }, keyOf, Date.now());
  if ('problem' in check) throw new ServiceError(CODE_OF[check.problem.kind], check.problem.message, 403);
  return keyOf(check.accessKeyId)!.caller;
}

/**
 * What the engine gets: the call as it came. An engine may hold tables and queues of an earlier template: for functions
 * they are not there.
 */
function engineBody(
  { kind }: Caller,
  prefix: string,
  input: Record<string, unknown>,
  body: Buffer,
  household: Household,
): Buffer {
  if (prefix === 'DynamoDB_20120810') {
    const stranger = tablesOf(input).find((table) => !household.exists(tableArn(table)));
    if (stranger === undefined || kind === 'operator') return body;
    const message = `Requested resource not found: the template has no table ${stranger}`;
    throw new ServiceError('ResourceNotFoundException', message);
  }
  const url = input['QueueUrl'];
  if (prefix !== 'AmazonSQS' || typeof url !== 'string') return body;
  const engineUrl = household.engineQueueUrl(queueArn(url));
  if (engineUrl === undefined) {
    if (kind === 'operator') return body;
    const message = `The specified queue does not exist: the template has no queue ${url}`;
    throw new ServiceError('AWS.SimpleQueueService.NonExistentQueue', message);
  }
  return Buffer.from(JSON.stringify({ ...input, QueueUrl: engineUrl }));
}

function tablesOf(input: Record<string, unknown>): string[] {
  const single = typeof input['TableName'] === 'string' ? [input['TableName']] : [];
  const batch = Object.keys((input['RequestItems'] as object | undefined) ?? {});
  const items = Array.isArray(input['TransactItems'])
    ? (input['TransactItems'] as Record<string, { TableName?: string }>[])
    : [];
  return [...single, ...batch, ...items.flatMap((item) => Object.values(item).map(({ TableName = '' }) => TableName))];
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parse(body: Buffer): Record<string, unknown> {
  let input: unknown;
  try {
    input = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch {
    input = undefined;
  }
  if (input !== null && typeof input === 'object') return input as Record<string, unknown>;
  throw new ServiceError('SerializationException', 'The body is not a JSON object');
}

function reply(response: ServerResponse, status: number, answer: unknown, headers: Record<string, string> = {}): void {
  const type = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() };
  response.writeHead(status, { ...type, ...headers });
  response.end(JSON.stringify(answer ?? {}));
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const { code, status, message } =
    error instanceof ServiceError ? error : { code: 'InternalFailure', status: 500, message: (error as Error).message };
  // Clients of SQS take the error's name from here.
  reply(
    response,
    status,
    { __type: code, message },
    { 'x-amzn-query-error': `${code};${status < 500 ? 'Sender' : 'Receiver'}` },
  );
}
