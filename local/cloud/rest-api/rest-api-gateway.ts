import type { AccessControl } from '../access-control.ts';
import type { IssuedCredentials } from '../credentials.ts';
import type { FunctionLogs } from '../function-log.ts';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import type { FunctionRuntime } from '../lambda-runtime.ts';
import { checkInvocationPayload } from '../limits.ts';
import type { ApiKeys } from './api-keys.ts';
import { headerOf, type ApiRequest } from './api-request.ts';
import { authorize } from './authorization.ts';
import { fillVariables } from './context-variables.ts';
import type {
  LambdaIntegration,
  MethodDefinition,
  RestApiDefinition,
  StageDefinition,
  UsagePlanDefinition,
} from './definition.ts';
import { functionCall } from './function-call.ts';
import { GatewayError } from './gateway-error.ts';
import { BODY_TOO_LONG, gatewayAnswer, LARGEST_BODY_BYTES, type ApiAnswer } from './gateway-response.ts';
import { firstAccepted, isOneOf } from './media-types.ts';
import { mockAnswer } from './mock-answer.ts';
import { proxyAnswer } from './proxy-answer.ts';
import { proxyEvent } from './proxy-event.ts';
import {
  extendedRequestId,
  requestContext,
  withApiKey,
  withCaller,
  withRoute,
  type RequestContext,
} from './request-context.ts';
import { RequestValidation } from './request-validation.ts';
import { Routes, type Route } from './routing.ts';
import type { Usage } from './usage.ts';

/** What all APIs of a cloud share. */
export interface GatewayServices {
  readonly access: AccessControl;
  readonly credentials: IssuedCredentials;
  readonly functions: ReadonlyMap<string, FunctionRuntime>;
  readonly usagePlans: ReadonlyMap<string, UsagePlanDefinition>;
  readonly apiKeys: ApiKeys;
  readonly usage: Usage;
  readonly logs: FunctionLogs;
  /** False lets everybody in, signed or not. */
  readonly enforced: boolean;
  /** Epoch milliseconds. */
  now(): number;
}

/** How an integration has fared, for the access log. */
interface Integrated {
  readonly answer: ApiAnswer;
  readonly integration: {
    readonly latency: number;
    /** Of the function's answer. */
    readonly status: number;
    /** Of Lambda's. */
    readonly integrationStatus?: number;
  };
}

type MethodRoute = Route & { readonly method: MethodDefinition };

/**
 * One REST API: takes requests through API Gateway's checks in its order — route, caller, API key, limits, validation — to
 * their integration, and answers.
 */
export class RestApiGateway {
  readonly definition: RestApiDefinition;
  readonly #services: GatewayServices;
  readonly #validation: RequestValidation;
  readonly #routes: ReadonlyMap<StageDefinition, Routes>;

  /** @throws TemplateError for a model that is no schema */
  constructor(definition: RestApiDefinition, services: GatewayServices) {
    this.definition = definition;
    this.#services = services;
    this.#validation = new RequestValidation(definition);
    this.#routes = new Map([...definition.stages.values()].map((stage) => [stage, new Routes(stage.deployment)]));
  }

  /**
   * Answers a request. It never rejects.
   *
   * @param bytes length of the body, which may be cut off beyond what API Gateway takes
   */
  async answer(request: ApiRequest, bytes: number): Promise<ApiAnswer> {
    const stage = this.definition.stages.get(request.stageName);
    if (!stage) return forbidden();
    const startedAt = performance.now();
    let context: RequestContext = requestContext(this.definition, stage, request, this.#services.now());
    let integrated: Integrated | undefined;
    let error: GatewayError | undefined;
    let answer: ApiAnswer;
    try {
      if (bytes > LARGEST_BODY_BYTES) throw new GatewayError('REQUEST_TOO_LARGE', { message: BODY_TOO_LONG });
      const route = this.#routes.get(stage)!.find(request.path, request.httpMethod);
      if (route) context = withRoute(context, route);
      if (!route?.method) throw new GatewayError('MISSING_AUTHENTICATION_TOKEN');
      const methodRoute = { ...route, method: route.method };
      context = this.#admit(request, stage, methodRoute, context);
      this.#validation.check(request, route.method, route.pathParameters);
      integrated = await this.#integrate(request, stage, methodRoute, context);
      answer = integrated.answer;
    } catch (thrown) {
      // What fails here unawares fails as API Gateway's own faults do.
      error =
        thrown instanceof GatewayError ? thrown : new GatewayError('DEFAULT_5XX', { integrationError: String(thrown) });
      answer = gatewayAnswer(error, this.definition, stage, request, { ...context, error: errorVariables(error) });
    }
    if (stage.accessLog) {
      const variables = {
        ...context,
        ...(error ? { error: errorVariables(error) } : {}),
        status: answer.status,
        responseLength: answer.body.length,
        responseLatency: Math.round(performance.now() - startedAt),
        ...integrationVariables(integrated, error),
      };
      const line = fillVariables(stage.accessLog.format, variables, {}, '-');
      this.#services.logs.write(logFileOf(stage.accessLog.groupName), line);
    }
    const { extendedRequestId: id, requestId } = context;
    return { ...answer, headers: { ...answer.headers, 'x-amzn-RequestId': requestId, 'x-amz-apigw-id': id } };
  }

  /** Everything that comes before validation. */
  #admit(request: ApiRequest, stage: StageDefinition, { method }: MethodRoute, before: RequestContext): RequestContext {
    const { credentials, access, enforced, usage, now } = this.#services;
    let context = before;
    if (method.authorization === 'AWS_IAM') {
      const { httpMethod, path } = request;
      const resource = this.#arn(`${stage.name}/${httpMethod}${path}`);
      context = withCaller(context, authorize(request, resource, { credentials, access, enforced }, now()));
    }
    if (!method.apiKeyRequired) {
      usage.admit({ apiId: this.definition.id, stage, method });
      return context;
    }
    const value = headerOf(request, 'x-api-key') ?? '';
    const key = this.#services.apiKeys.find(value);
    const plan = key && this.#planOf(key.id, stage);
    if (!key || !plan) throw new GatewayError('INVALID_API_KEY');
    context = withApiKey(context, { id: key.id, value });
    usage.admit({ apiId: this.definition.id, stage, method, key: { id: key.id, plan } });
    return context;
  }

  #planOf(keyId: string, stage: StageDefinition): UsagePlanDefinition | undefined {
    return [...this.#services.usagePlans.values()].find(
      ({ keyIds, stages }) =>
        keyIds.has(keyId) && stages.some((one) => one.apiId === this.definition.id && one.stage === stage.name),
    );
  }

  async #integrate(
    request: ApiRequest,
    stage: StageDefinition,
    route: MethodRoute,
    context: RequestContext,
  ): Promise<Integrated> {
    const { integration } = route.method;
    const startedAt = performance.now();
    if (integration.kind === 'mock') {
      const answer = mockAnswer(integration, request);
      return { answer, integration: { latency: Math.round(performance.now() - startedAt), status: answer.status } };
    }
    const { binaryMediaTypes } = this.definition;
    const event = proxyEvent(request, route, stage.variables, binaryMediaTypes, context);
    const payload = await this.#invoke(integration, stage, route.method, event);
    const binary = isOneOf(firstAccepted(headerOf(request, 'accept')), binaryMediaTypes);
    const answer = proxyAnswer(payload, binary);
    const latency = Math.round(performance.now() - startedAt);
    return { answer, integration: { latency, status: answer.status, integrationStatus: 200 } };
  }

  async #invoke(
    { functionArn, timeoutMs }: LambdaIntegration,
    stage: StageDefinition,
    method: MethodDefinition,
    event: unknown,
  ): Promise<unknown> {
    const { access, functions } = this.#services;
    try {
      access.judge({ ...functionCall(this.definition, stage, method, functionArn), input: {} });
    } catch {
      const integrationError = 'Invalid permissions on Lambda function';
      throw new GatewayError('API_CONFIGURATION_ERROR', { integrationError });
    }
    try {
      checkInvocationPayload(Buffer.byteLength(JSON.stringify(event)), 'RequestResponse');
    } catch (error) {
      throw new GatewayError('REQUEST_TOO_LARGE', { integrationError: (error as Error).message });
    }
    const result = await within(timeoutMs, functions.get(functionArn)!.invoke(event));
    if (result === undefined) {
      throw new GatewayError('INTEGRATION_TIMEOUT', { integrationError: `No answer within ${timeoutMs} ms` });
    }
    if (result.outcome === 'success') return result.payload;
    const integrationError = `Lambda execution failed: ${result.error.errorType}`;
    throw new GatewayError('INTEGRATION_FAILURE', { status: 502, integrationError });
  }

  #arn(path: string): string {
    return `arn:aws:execute-api:${REGION}:${ACCOUNT_ID}:${this.definition.id}/${path}`;
  }
}

/** What API Gateway says where there is no stage: the API has no words of its own then. */
function forbidden(): ApiAnswer {
  return {
    status: 403,
    headers: {
      'Content-Type': 'application/json',
      'x-amzn-ErrorType': 'ForbiddenException',
      'x-amz-apigw-id': extendedRequestId(),
    },
    body: Buffer.from('{"message":"Forbidden"}'),
  };
}

const errorVariables = ({ message, type, validationError }: GatewayError) => ({
  message,
  messageString: JSON.stringify(message),
  responseType: type,
  validationErrorString: validationError,
});

function integrationVariables(integrated: Integrated | undefined, error: GatewayError | undefined) {
  const integration = { ...integrated?.integration, error: error?.integrationError };
  return {
    integration,
    integrationErrorMessage: integration.error,
    integrationLatency: integration.latency,
    integrationStatus: integration.integrationStatus,
  };
}

/** Groups have slashes in their names, which files have not. */
const logFileOf = (groupName: string): string => groupName.replace(/^\//, '').replaceAll('/', '-');

/** What comes of it, or nothing when it takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
