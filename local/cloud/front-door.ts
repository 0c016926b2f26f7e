import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkSignature, type SignatureProblem } from '../signature-v4.ts';
import type { AccessControl } from './access-control.ts';
import type { IssuedCredentials } from './credentials.ts';
import { REGION } from './intrinsics.ts';
import { ServiceError, type Operations } from './json-service.ts';
import { checkLimits } from './limits.ts';
import { type ArnDirectory, neededPermissions, queueArn, serviceOf, tableArn, tablesOf } from './needed-permissions.ts';
import { queryAnswer, queryError, readQueryCall, type QueryCall, type QueryService } from './query-protocol.ts';
import { OPERATOR, type Caller } from './service-call.ts';

/** What is behind the door. It is opened before the engines and functions are there, because these need its address. */
export interface Services extends ArnDirectory {
  readonly access: AccessControl;
  /** Operations that the cloud plays itself. */
  readonly operations: Operations;
  /** Base URL of the engine for a target's prefix, such as `DynamoDB_20120810`. */
  readonly engines: Readonly<Record<string, string>>;
  readonly queryServices: readonly QueryService[];
  readonly credentials: IssuedCredentials;
  /** Whether the template has the table or queue with this ARN: an engine may hold others, from an earlier template. */
  exists(arn: string): boolean;
  /** URL of the engine's for a queue of the template. */
  engineQueueUrl(arn: string): string | undefined;
  /** False takes requests without a signature for the operator's. */
  readonly enforced: boolean;
}

export interface FrontDoor {
  readonly url: string;
  open(services: Services): void;
  stop(): Promise<void>;
}

interface EngineAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Above what any of the services takes; DynamoDB's 16 MB is the most. */
const LARGEST_BODY_BYTES = 20 * 1024 * 1024;
const CODE_OF: Readonly<Record<SignatureProblem['kind'], string>> = {
  missing: 'MissingAuthenticationTokenException',
  incomplete: 'IncompleteSignatureException',
  'unsigned header': 'IncompleteSignatureException',
  'unknown key': 'UnrecognizedClientException',
  'wrong scope': 'InvalidSignatureException',
  expired: 'InvalidSignatureException',
  wrong: 'InvalidSignatureException',
};

/**
 * The one address of every service: checks who calls and whether they may, then answers or passes the call on to an engine.
 * Engines themselves let everybody do everything.
 */
export async function buildFrontDoor(): Promise<FrontDoor> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let services: Services | undefined;
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
    if (!services) throw new ServiceError('ServiceUnavailable', 'The local cloud is still starting', 503);
    const { method = '', url: path = '/', headers } = request;
    const query = readQueryCall(method, path, headers['content-type'] ?? '', body);
    if (query && headers['x-amz-target'] === undefined) return answerQuery(query, request, response, body, services);
    const target = String(request.headers['x-amz-target'] ?? `${request.method} ${request.url}`);
    const [prefix = '', operation = ''] = target.split('.');
    const engine = Object.hasOwn(services.engines, prefix) ? services.engines[prefix] : undefined;
    const own = Object.hasOwn(services.operations, target) ? services.operations[target] : undefined;
    if (engine === undefined && own === undefined) {
      throw new ServiceError('UnknownOperationException', `The local cloud does not play ${target}`);
    }
    // DynamoDB's streams are part of it.
    const caller = authenticate(request, body, serviceOf(prefix) ?? 'dynamodb', services);
    const input = parse(body);
    // The operator may do more than is known here; then the engine says what is wrong with it.
    const permissions = caller.kind === 'operator' ? [] : neededPermissions(target, input, services);
    services.access.judge({ caller, service: serviceOf(prefix) ?? prefix, operation, input, permissions });
    if (caller.kind !== 'operator') requireFromTemplate(target, input, services);
    checkLimits(target, input);
    if (own) return reply(response, 200, await own(input));
    const passed = await pass(engine!, target, withEngineUrl(prefix, input, body, services), response);
    const content = prefix === 'AmazonSQS' ? withDoorUrl(passed.body, url) : passed.body;
    response.writeHead(passed.status, { ...passed.headers, 'content-length': content.length });
    response.end(content);
  }

  /** One call to an engine. Its headers are made here: what else a caller sends is none of the engine's business. */
  function pass(engine: string, target: string, body: Buffer, response: ServerResponse): Promise<EngineAnswer> {
    return new Promise((resolve, reject) => {
      const sent = send(engine, {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'content-length': body.length,
          'x-amz-target': target,
          'x-amz-date': '20250101T000000Z',
          authorization: `AWS4-HMAC-SHA256 Credential=LOCALCLOUD/20250101/${REGION}/local/aws4_request, SignedHeaders=host, Signature=00`,
        },
      });
      // An engine that breaks off, at whatever point, costs the one call.
      sent.on('error', reject);
      sent.on('response', (answered: IncomingMessage) => {
        const chunks: Buffer[] = [];
        answered.on('data', (chunk: Buffer) => chunks.push(chunk));
        answered.on('error', reject);
        answered.on('end', () => {
          const { connection: _, 'transfer-encoding': __, ...headers } = answered.headers;
          resolve({ status: answered.statusCode ?? 502, headers, body: Buffer.concat(chunks) });
        });
      });
      // A caller that hangs up takes its long poll along.
      response.once('close', () => {
        if (!response.writableEnded) sent.destroy();
      });
      sent.end(body);
    });
  }

  return {
    url,
    open: (opened) => {
      services = opened;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function answerQuery(
  call: QueryCall,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  services: Services,
): void {
  const service = services.queryServices.find(({ version }) => version === call.version);
  const requestId = randomUUID();
  const answerWith = (status: number, xml: string): void => {
    response.writeHead(status, { 'content-type': 'text/xml', 'x-amzn-requestid': requestId });
    response.end(xml);
  };
  try {
    if (!service || !Object.hasOwn(service.operations, call.action)) {
      const name = `${call.action} of version ${call.version || 'none'}`;
      throw new ServiceError('UnknownOperationException', `The local cloud does not play ${name}`);
    }
    const caller = authenticate(request, body, service.name, services);
    const result = service.operations[call.action]!(call.input, caller);
    answerWith(200, queryAnswer(call, service.namespace, result, requestId));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const failed = queryError(error, service?.namespace ?? '', requestId);
    answerWith(failed.status, failed.body);
  }
}

/** @param service its name in signatures */
function authenticate(request: IncomingMessage, body: Buffer, service: string, services: Services): Caller {
  const { credentials } = services;
  const keyOf = (accessKeyId: string) => credentials.find(accessKeyId);
  const { method = '', url = '/', headers } = request;
  const accessKeyId = /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1] ?? '';
  if (!services.enforced) return keyOf(accessKeyId)?.caller ?? OPERATOR;
  const check = checkSignature({ method, url, headers, body }, { region: REGION, service }, keyOf, Date.now());
  if ('problem' in check && credentials.hasExpired(accessKeyId)) {
    throw new ServiceError('ExpiredTokenException', 'The security token included in the request is expired', 403);
  }
  if ('problem' in check) throw new ServiceError(CODE_OF[check.problem.kind], check.problem.message, 403);
  return keyOf(check.accessKeyId)!.caller;
}

/** What an engine holds of an earlier template is not there for functions. */
function requireFromTemplate(target: string, input: Record<string, unknown>, services: Services): void {
  if (target.startsWith('DynamoDB_20120810.')) {
    const stranger = tablesOf(input).find((table) => !services.exists(tableArn(table)));
    if (stranger === undefined) return;
    const message = `Requested resource not found: the template has no table ${stranger}`;
    throw new ServiceError('ResourceNotFoundException', message);
  }
  if (!target.startsWith('AmazonSQS.')) return;
  // Where it names the queue, it needs a permission on it.
  const [{ resource } = { resource: '' }] = neededPermissions(target, input, services);
  if (services.exists(resource)) return;
  const message = `The specified queue does not exist: the template has no queue ${resource}`;
  throw new ServiceError('AWS.SimpleQueueService.NonExistentQueue', message);
}

/** The body for the engine, which knows its queues by other URLs. */
function withEngineUrl(prefix: string, input: Record<string, unknown>, body: Buffer, services: Services): Buffer {
  const given = input['QueueUrl'];
  if (prefix !== 'AmazonSQS' || typeof given !== 'string') return body;
  const engineUrl = services.engineQueueUrl(queueArn(given));
  return engineUrl === undefined ? body : Buffer.from(JSON.stringify({ ...input, QueueUrl: engineUrl }));
}

/** The answer for the caller: whoever asks for a queue's URL must come through this door again. */
function withDoorUrl(body: Buffer, door: string): Buffer {
  const text = body.toString('utf8');
  if (!text.includes('"QueueUrl')) return body;
  const answer = JSON.parse(text) as { QueueUrl?: string; QueueUrls?: string[] };
  const moved = (url: string): string => new URL(new URL(url).pathname, door).href;
  return Buffer.from(
    JSON.stringify({
      ...answer,
      ...(answer.QueueUrl === undefined ? {} : { QueueUrl: moved(answer.QueueUrl) }),
      ...(answer.QueueUrls === undefined ? {} : { QueueUrls: answer.QueueUrls.map(moved) }),
    }),
  );
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    // What is too long is read to its end, so that the caller hears the answer.
    if (bytes <= LARGEST_BODY_BYTES) chunks.push(chunk as Buffer);
  }
  if (bytes <= LARGEST_BODY_BYTES) return Buffer.concat(chunks);
  throw new ServiceError('RequestEntityTooLarge', `The request has ${bytes} bytes, which no service takes`, 413);
}

function parse(body: Buffer): Record<string, unknown> {
  let input: unknown;
  try {
    input = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch {
    input = undefined;
  }
  if (input !== null && typeof input === 'object' && !Array.isArray(input)) return input as Record<string, unknown>;
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
  const query = { 'x-amzn-query-error': `${code};${status < 500 ? 'Sender' : 'Receiver'}` };
  reply(response, status, { __type: code, message }, query);
}
