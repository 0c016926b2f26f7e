import { randomBytes, randomUUID } from 'node:crypto';
import type { AccessControl } from './access-control.ts';
import { callerOf, TRACING } from './deployment-checks.ts';
import type { FunctionLogs } from './function-log.ts';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import type { InvocationInfo, InvocationResult } from './invocation.ts';
import { LambdaEnvironment } from './lambda-environment.ts';
import type { FunctionDefinition } from './model.ts';
import type { NeededPermission } from './service-call.ts';

/** Lambda keeps an idle environment for some minutes; it does not say how many. */
const IDLE_MS = 5 * 60_000;
const MAXIMUM_RESPONSE_BYTES = 6_291_556;

export interface FunctionRuntimeOptions {
  definition: FunctionDefinition;
  /** Variables that are the same for every function: endpoints, and what the operator adds. */
  environment: Record<string, string>;
  logs: FunctionLogs;
  access: AccessControl;
  onInvocation?(info: InvocationInfo): void;
}

interface Idle {
  environment: LambdaEnvironment;
  expiry: NodeJS.Timeout;
}

/** One function and its execution environments. */
export class FunctionRuntime {
  readonly definition: FunctionDefinition;
  private readonly options: FunctionRuntimeOptions;
  /** Most recently used last. */
  private readonly idle: Idle[] = [];
  private readonly environments = new Set<LambdaEnvironment>();
  private readonly inFlight = new Set<Promise<unknown>>();
  private stopping = false;
  /** Lambda writes a function's log in its name, and loses it without a word where the role does not let it. */
  private mayLog = true;

  constructor(options: FunctionRuntimeOptions) {
    this.options = options;
    this.definition = options.definition;
  }

  /** Runs the function once. It never rejects: a failure is a result. */
  async invoke(event: unknown, requestId: string = randomUUID()): Promise<InvocationResult> {
    if (this.stopping)
      return {
        outcome: 'error',
        error: { errorType: 'ServiceException', errorMessage: 'The local cloud is stopping' },
      };
    const running = this.run(event, requestId);
    this.inFlight.add(running);
    try {
      return await running;
    } finally {
      this.inFlight.delete(running);
    }
  }

  private async run(event: unknown, requestId: string): Promise<InvocationResult> {
    const { definition } = this.options;
    const eventJson = JSON.stringify(event ?? null);
    const warm = this.takeIdle();
    const startOfInit = performance.now();
    let environment: LambdaEnvironment;
    try {
      environment = warm ?? this.createEnvironment();
    } catch (error) {
      // Node refuses, for one, a NODE_OPTIONS that is not for threads.
      return { outcome: 'error', error: { errorType: 'Runtime.InitError', errorMessage: (error as Error).message } };
    }
    const initError = warm ? undefined : await environment.initialise();
    const initMs = performance.now() - startOfInit;

    const startedAt = Date.now();
    const start = performance.now();
    this.log(`START RequestId: ${requestId} Version: $LATEST`);
    const { result, memoryUsedMb } = initError
      ? { result: { outcome: 'error', error: initError } as InvocationResult, memoryUsedMb: 0 }
      : await environment.invoke(
          {
            requestId,
            eventJson,
            deadlineMs: Date.now() + definition.timeoutSeconds * 1000,
            traceId: traceId(),
          },
          definition.timeoutSeconds * 1000,
        );
    const durationMs = performance.now() - start;
    const answer = limitSize(result);
    if (answer.outcome !== 'success' && !environment.alive) {
      this.log(
        `${new Date().toISOString()} ${requestId} ${answer.error.errorType}: ${answer.error.errorMessage.replace(/^RequestId: \S+ Error: /, '')}`,
      );
    }
    this.log(`END RequestId: ${requestId}`);
    this.log(
      [
        `REPORT RequestId: ${requestId}`,
        `Duration: ${durationMs.toFixed(2)} ms`,
        `Billed Duration: ${Math.ceil(durationMs + (warm ? 0 : initMs))} ms`,
        `Memory Size: ${definition.memoryMb} MB`,
        `Max Memory Used: ${memoryUsedMb} MB`,
        ...(warm ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
        ...(answer.outcome === 'timeout' ? ['Status: timeout'] : []),
      ].join('\t'),
    );
    this.giveBack(environment);
    this.options.onInvocation?.({
      functionId: definition.logicalId,
      event,
      startedAt,
      durationMs,
      outcome: answer.outcome,
      coldStart: !warm,
      ...(answer.outcome === 'success' ? { payload: answer.payload } : { error: answer.error }),
    });
    return answer;
  }

  private takeIdle(): LambdaEnvironment | undefined {
    for (let entry = this.idle.pop(); entry; entry = this.idle.pop()) {
      clearTimeout(entry.expiry);
      if (entry.environment.alive) return entry.environment;
      this.environments.delete(entry.environment);
    }
    return undefined;
  }

  private giveBack(environment: LambdaEnvironment): void {
    if (!environment.alive) {
      this.environments.delete(environment);
      return;
    }
    if (this.stopping) return;
    const expiry = setTimeout(() => {
      this.idle.splice(
        this.idle.findIndex((entry) => entry.environment === environment),
        1,
      );
      this.environments.delete(environment);
      void environment.discard();
    }, IDLE_MS);
    this.idle.push({ environment, expiry });
  }

  private createEnvironment(): LambdaEnvironment {
    const { definition } = this.options;
    const logStream = `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${randomBytes(16).toString('hex')}`;
    this.mayLog = this.isLetTo('CreateLogStream', 'logs', this.logStreamPermissions(logStream));
    if (definition.traced) this.isLetTo('PutTraceSegments', 'xray', TRACING);
    const environment = new LambdaEnvironment(
      {
        codeDirectory: definition.codeDirectory,
        handler: definition.handler,
        functionName: definition.name,
        functionArn: definition.arn,
        memoryMb: definition.memoryMb,
        logGroup: definition.logGroup,
        logStream,
        logFormat: definition.logFormat,
      },
      { ...this.options.environment, ...this.runtimeVariables(logStream), ...definition.environment },
      (text) => this.log(text),
    );
    this.environments.add(environment);
    return environment;
  }

  private runtimeVariables(logStream: string): Record<string, string> {
    const { definition } = this.options;
    return {
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_ACCESS_KEY_ID: definition.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: definition.credentials.secretAccessKey,
      AWS_SESSION_TOKEN: definition.credentials.sessionToken,
      AWS_EXECUTION_ENV: `AWS_Lambda_${definition.runtime}`,
      AWS_LAMBDA_FUNCTION_NAME: definition.name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb),
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: definition.logGroup,
      AWS_LAMBDA_LOG_STREAM_NAME: logStream,
      AWS_LAMBDA_LOG_FORMAT: definition.logFormat,
      ...(definition.logLevel ? { AWS_LAMBDA_LOG_LEVEL: definition.logLevel } : {}),
      LAMBDA_TASK_ROOT: definition.codeDirectory,
      _HANDLER: definition.handler,
      LANG: 'en_US.UTF-8',
      TZ: ':UTC',
    };
  }

  private isLetTo(operation: string, service: string, permissions: readonly NeededPermission[]): boolean {
    const { access, definition } = this.options;
    try {
      access.judge({ caller: callerOf(definition), service, operation, input: {}, permissions });
      return true;
    } catch {
      return false;
    }
  }

  private logStreamPermissions(logStream: string): NeededPermission[] {
    const resource = `arn:aws:logs:${REGION}:${ACCOUNT_ID}:log-group:${this.definition.logGroup}:log-stream:${logStream}`;
    return ['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) => ({ action, resource }));
  }

  /** Adds a line of the cloud's own to the function's log. */
  note(text: string): void {
    this.options.logs.write(this.definition.logicalId, `${new Date().toISOString()} ${text}`);
  }

  private log(text: string): void {
    if (!this.mayLog) return;
    this.options.logs.write(this.definition.logicalId, text);
  }

  /** Lets what is running finish for a while, then ends every environment. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => (timer = setTimeout(resolve, graceMs)));
    await Promise.race([Promise.allSettled(this.inFlight), grace]);
    clearTimeout(timer);
    for (const { expiry } of this.idle.splice(0)) clearTimeout(expiry);
    await Promise.all([...this.environments].map((environment) => environment.discard()));
    await Promise.allSettled(this.inFlight);
  }
}

function traceId(): string {
  const now = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${now}-${randomBytes(12).toString('hex')};Parent=${randomBytes(8).toString('hex')};Sampled=0`;
}

function limitSize(result: InvocationResult): InvocationResult {
  if (result.outcome !== 'success') return result;
  const size = Buffer.byteLength(JSON.stringify(result.payload ?? null));
  if (size <= MAXIMUM_RESPONSE_BYTES) return result;
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${MAXIMUM_RESPONSE_BYTES} bytes).`;
  return { outcome: 'error', error: { errorType: 'Function.ResponseSizeTooLarge', errorMessage } };
}
