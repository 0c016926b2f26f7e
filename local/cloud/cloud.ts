import { setMaxListeners } from 'node:events';
import { devNull } from 'node:os';
import { resolve } from 'node:path';
import { readAssembly } from './assembly.ts';
import { AccessControl } from './access-control.ts';
import { AsyncInvoker } from './async-invocation.ts';
import { awsClient, type AwsClient } from './aws-call.ts';
import { IssuedCredentials, lastingCredentials, type IssuedKey, type TemporaryCredentials } from './credentials.ts';
import { lockDataDirectory } from './data-directory.ts';
import { deploy, type Deployment } from './deployment.ts';
import { checkRoles } from './deployment-checks.ts';
import { startDynamoDb } from './dynamodb-engine.ts';
import { EventBuses, type BusEvent } from './event-bus.ts';
import { buildFrontDoor } from './front-door.ts';
import { openFunctionLogs } from './function-log.ts';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import type { InvocationInfo, InvocationResult } from './invocation.ts';
import type { Operations } from './json-service.ts';
import { judgedClient } from './judged-client.ts';
import { KeptValues } from './kept-values.ts';
import { FunctionRuntime } from './lambda-runtime.ts';
import { checkInvocationPayload } from './limits.ts';
import { callerOf, listingStreams } from './needed-permissions.ts';
import { PendingWork } from './pending-work.ts';
import { queueSender } from './queue-sender.ts';
import { openRestApis, type RestApiAddress } from './rest-api/rest-apis.ts';
import { runSchedules } from './schedules.ts';
import { Secrets } from './secrets.ts';
import { SecurityTokens } from './security-tokens.ts';
import { OPERATOR, type ServiceCall } from './service-call.ts';
import { runSqsEventSource } from './sqs-event-source.ts';
import { startSqs } from './sqs-engine.ts';
import { StreamCheckpoints } from './stream-checkpoint.ts';
import { runStreamEventSource } from './stream-event-source.ts';
import { TargetDelivery } from './target-delivery.ts';
import { TemplateError } from './template-error.ts';
import { sweepExpiredItems } from './time-to-live.ts';
import { looseEnds } from './wiring.ts';

export type { BusEvent } from './event-bus.ts';
export type { InvocationError, InvocationInfo, InvocationResult } from './invocation.ts';
export type { RestApiAddress } from './rest-api/rest-apis.ts';
export type { Caller, NeededPermission, ServiceCall } from './service-call.ts';
export { TemplateError } from './template-error.ts';

export interface CloudOptions {
  /** The directory of the synthesised cloud assembly, usually `cdk.out`. */
  assembly: string;
  /** The stack to run, by artifact id or name. Needed only where the assembly has several. */
  stack?: string;
  /** Tables, queues, stream positions and logs live here and outlast a restart. */
  dataDir: string;
  /** Secrets by name; anything but a string is stored as JSON. They come before what the template says of them. */
  secrets?: Record<string, unknown>;
  /**
   * `aws` holds everybody to the template's policies; `off` lets everybody do everything, signed or not, for templates
   * that are about something else. @default 'aws'
   */
  enforcement?: 'aws' | 'off';
  /**
   * Whether to refuse a template with a queue, stream or function that is wired to nothing, which AWS would take, or to
   * tell it to `onRefusal`. @default 'refuse'
   */
  looseEnds?: 'refuse' | 'tell';
  /** Endpoints to use in place of the engines that the project brings. */
  engines?: { dynamodbUrl?: string; sqsUrl?: string };
  /** Names of event buses that are there already: a partner's, or those of another stack. */
  buses?: readonly string[];
  /** Port for the first REST API of the template. @default a free one */
  restApiPort?: number;
  /** Variables for every function besides the template's. For trust settings such as NODE_EXTRA_CA_CERTS only. */
  functionEnvironment?: Record<string, string>;
  /** Every event that a bus accepts. */
  onEvent?(event: BusEvent, busName: string): void;
  onLog?(line: { functionId: string; text: string }): void;
  onInvocation?(info: InvocationInfo): void;
  /** Every call to a service that the template's functions, event sources, schedules and rules make, and the operator. */
  onCall?(call: ServiceCall): void;
  /** What AWS would refuse, or lose without a word, as one line that names it. */
  onRefusal?(text: string): void;
  /** Shortens the waits between retries and the ages of events by this factor, for tests. @default 1 */
  retryWaitScale?: number;
  /**
   * Epoch milliseconds, by which temporary credentials expire and requests to REST APIs are signed and limited.
   * @default Date.now
   */
  now?(): number;
  /** How often items past their time to live are deleted, in milliseconds. @default 30000 */
  timeToLiveSweepMs?: number;
  /** How long stop() lets running invocations finish, and then requests to REST APIs, in milliseconds. @default 5000 */
  stopGraceMs?: number;
}

export interface AssumeRoleOptions {
  /** The account that asks. @default this cloud's own */
  accountId?: string;
  externalId?: string;
  /** @default 'session' */
  sessionName?: string;
  /** @default 3600 */
  durationSeconds?: number;
}

export interface CloudResource {
  type: string;
  physicalId: string;
  arn?: string;
  /** From the assembly, e.g. `OfferRelay/OfferStatus/Watches/Resource`. */
  constructPath?: string;
  /** As the template gives them, with every intrinsic function replaced. */
  properties: Record<string, unknown>;
}

export interface Cloud {
  readonly endpoints: {
    dynamodb: string;
    dynamodbStreams: string;
    sqs: string;
    eventbridge: string;
    secretsManager: string;
    sts: string;
  };
  readonly region: string;
  readonly accountId: string;
  /** For SDK clients of the caller; functions have credentials of their own. */
  readonly credentials: { accessKeyId: string; secretAccessKey: string };
  /** By logical id. */
  readonly resources: ReadonlyMap<string, CloudResource>;
  readonly outputs: Readonly<Record<string, string>>;
  /** Where each REST API of the template is reached, by logical id. They answer before `start()` already. */
  readonly restApis: ReadonlyMap<string, RestApiAddress>;
  /** The value of an API key, named by logical id or construct path suffix. */
  apiKeyValue(keyIdOrPath: string): string;
  /** The physical id of the one resource whose construct path ends so, e.g. `OfferStatus/Watches`. */
  physicalId(constructPathSuffix: string): string;
  /** Starts everything that drives the functions: event sources, schedules, the TTL sweeper. */
  start(): Promise<void>;
  /** Invokes a function and waits for its answer. Named by logical id, physical name or construct path suffix. */
  invoke(functionIdOrPath: string, payload: unknown): Promise<InvocationResult>;
  putSecret(name: string, value: unknown): void;
  /** What any credentials that this cloud has given out sign with, and whose they are; nothing once they have expired. */
  signingKey(accessKeyId: string): IssuedKey | undefined;
  /**
   * A session of a role for somebody of an account who may do everything there; the role's trust policy decides.
   *
   * @param role ARN, or the end of a construct path
   * @throws Error that says why the role is not for them, in AWS's words
   */
  assumeRole(role: string, options?: AssumeRoleOptions): TemporaryCredentials & { readonly expiration: Date };
  /** Stops everything; nothing is left running or listening. */
  stop(): Promise<void>;
}

/** Makes a synthesised stack real on this machine. Nothing drives its functions until `start()`. */
export async function createCloud(options: CloudOptions): Promise<Cloud> {
  const assembly = readAssembly(options.assembly, options.stack);
  const dataDir = resolve(options.dataDir);

  // Whatever has been started is ended in reverse order, also when the rest cannot be started.
  const endings: (() => Promise<void> | void)[] = [];
  let ending: Promise<void> | undefined;
  const endAll = () =>
    (ending ??= (async () => {
      for (const end of endings.splice(0).reverse()) await end();
    })());
  try {
    return await build();
  } catch (error) {
    await endAll();
    throw error;
  }

  async function build(): Promise<Cloud> {
    const enforced = options.enforcement !== 'off';
    const now = () => options.now?.() ?? Date.now();
    endings.push(lockDataDirectory(dataDir));
    // The template's queues and functions must know its address before there is anything behind it.
    const frontDoor = await buildFrontDoor();
    endings.push(() => frontDoor.stop());
    const dynamodbEngine = await startDynamoDb(
      dataDir,
      options.engines?.dynamodbUrl ?? process.env['OFFER_RELAY_DYNAMODB_URL'],
    );
    endings.push(() => dynamodbEngine.stop());
    const sqsEngine = await startSqs(dataDir, options.engines?.sqsUrl);
    endings.push(() => sqsEngine.stop());
    const client = (url: string, prefix: string): AwsClient => {
      const made = awsClient(url, prefix);
      endings.push(() => made.close());
      return made;
    };
    const dynamodb = client(dynamodbEngine.url, 'DynamoDB_20120810');
    const dynamodbStreams = client(dynamodbEngine.url, 'DynamoDBStreams_20120810');
    const sqs = client(sqsEngine.url, 'AmazonSQS');
    const kept = new KeptValues(dataDir);
    const clients = { dynamodb, dynamodbStreams, sqs, kept, endpoint: frontDoor.url };
    const deployment = await deploy(assembly, clients, options.buses);
    const { model } = deployment;
    const functions = new Map<string, FunctionRuntime>();
    const access = new AccessControl({
      model,
      enforced,
      onCall: options.onCall,
      onRefused: ({ kind, logicalId = '' }, text, service) => {
        // Whoever calls an API without being let is no fault of the template, and the words hold the path of the request.
        if (service === 'execute-api') return;
        options.onRefusal?.(`${logicalId} (${kind}): ${text}`);
        const runtime = [...functions.values()].find(({ definition }) => definition.logicalId === logicalId);
        runtime?.note(`AccessDenied ${text}`);
      },
    });
    if (enforced) {
      checkRoles(model, deployment.resources, access);
      const loose = looseEnds(model, deployment.resources, access).map(({ logicalId, reason }) => {
        return new TemplateError({ logicalId, type: deployment.resources.get(logicalId)?.type ?? 'unknown' }, reason);
      });
      if (options.looseEnds === 'tell') for (const { message } of loose) options.onRefusal?.(message);
      else if (loose[0]) throw loose[0].with(loose.slice(1));
    }

    const secrets = new Secrets(model.secrets.values());
    for (const [name, value] of Object.entries(options.secrets ?? {})) secrets.put(name, value);
    const logs = openFunctionLogs(dataDir, options.onLog);
    endings.push(() => logs.close());

    const { url } = frontDoor;
    const endpoints = {
      dynamodb: url,
      dynamodbStreams: url,
      sqs: url,
      eventbridge: url,
      secretsManager: url,
      sts: url,
    };

    for (const definition of model.functions.values()) {
      // One address for all: a service that is not played is refused there by name, rather than called in the real cloud.
      const environment = {
        ...options.functionEnvironment,
        AWS_ENDPOINT_URL: url,
        // What the developer has set for their own AWS tools is nothing to a function.
        AWS_CONFIG_FILE: devNull,
        AWS_SHARED_CREDENTIALS_FILE: devNull,
      };
      functions.set(
        definition.arn,
        new FunctionRuntime({
          definition,
          environment,
          logs,
          access,
          onInvocation: options.onInvocation,
        }),
      );
    }
    const stopping = new AbortController();
    const { signal } = stopping;
    // Every lane of every stream listens to it; Node would take that for a leak.
    setMaxListeners(0, signal);
    const waitScale = options.retryWaitScale ?? 1;
    const sender = queueSender(sqs, model.queues, access);
    const pending = new PendingWork(dataDir);
    endings.push(() => pending.close());
    const settings = model.asyncInvocation;
    const invoker = new AsyncInvoker({ functions, settings, sender, pending, waitScale, signal });
    const delivery = new TargetDelivery({ invoker, sender, access, pending, waitScale, signal });
    const operations: Operations = {
      ...secrets.operations(),
      ...new EventBuses(model, delivery, access, options.onEvent).operations(),
    };
    const issued = new IssuedCredentials(now);
    const operator = lastingCredentials();
    issued.issue(operator, OPERATOR);
    for (const definition of model.functions.values()) issued.issue(definition.credentials, callerOf(definition));
    const tokens = new SecurityTokens({ model, access, issued, now });
    const arns = new Set([...deployment.resources.values()].map(({ attributes }) => attributes['Arn']));
    frontDoor.open({
      access,
      operations,
      engines: {
        DynamoDB_20120810: dynamodbEngine.url,
        DynamoDBStreams_20120810: dynamodbEngine.url,
        AmazonSQS: sqsEngine.url,
      },
      queryServices: [tokens.service()],
      credentials: issued,
      secretArn: (id) => secrets.arnOf(id),
      exists: (arn) => arns.has(arn),
      engineQueueUrl: (arn) => model.queues.get(arn)?.url,
      enforced,
    });

    const graceMs = options.stopGraceMs ?? 5000;
    const restApis = await openRestApis(
      model,
      { access, credentials: issued, functions, logs, enforced, now },
      { dataDir, graceMs, ...(options.restApiPort === undefined ? {} : { port: options.restApiPort }) },
    );
    endings.push(() => restApis.stop());

    const driving: Promise<void>[] = [];
    endings.push(async () => {
      stopping.abort();
      sqsEngine.releasePolls?.();
      // A poll may still have been on its way to the engine.
      const releasing = setInterval(() => sqsEngine.releasePolls?.(), 50);
      await Promise.all([...functions.values()].map((runtime) => runtime.stop(graceMs)));
      await Promise.all([...driving, delivery.settled()]);
      await invoker.settled();
      clearInterval(releasing);
    });

    const resources = publicResources(deployment);
    const find = (suffix: string) => findByPath(resources, suffix);
    return {
      endpoints,
      region: REGION,
      accountId: ACCOUNT_ID,
      credentials: operator,
      resources,
      outputs: deployment.outputs,
      restApis: restApis.addresses,
      apiKeyValue(keyIdOrPath) {
        const key = resources.get(keyIdOrPath) ?? find(keyIdOrPath)[1];
        const value = restApis.apiKeyValue(key.physicalId);
        if (value === undefined) throw new Error(`${keyIdOrPath} is not an API key`);
        return value;
      },
      physicalId: (suffix) => find(suffix)[1].physicalId,
      putSecret: (name, value) => secrets.put(name, value),
      signingKey: (accessKeyId) => issued.find(accessKeyId),
      assumeRole(role, { accountId = ACCOUNT_ID, externalId, sessionName = 'session', durationSeconds } = {}) {
        const caller = accountId === ACCOUNT_ID ? OPERATOR : { kind: 'account' as const, accountId };
        const { credentials, expiresAt } = tokens.assumeRole(caller, {
          RoleArn: role.startsWith('arn:') ? role : (find(role)[1].arn ?? role),
          RoleSessionName: sessionName,
          ...(externalId === undefined ? {} : { ExternalId: externalId }),
          ...(durationSeconds === undefined ? {} : { DurationSeconds: String(durationSeconds) }),
        });
        return { ...credentials, expiration: new Date(expiresAt) };
      },
      async invoke(functionIdOrPath, payload) {
        const byName = [...functions.values()].find(({ definition }) =>
          [definition.logicalId, definition.name, definition.arn].includes(functionIdOrPath),
        );
        const runtime = byName ?? functions.get(find(functionIdOrPath)[1].arn ?? '');
        if (!runtime) throw new Error(`${functionIdOrPath} is not a function`);
        checkInvocationPayload(Buffer.byteLength(JSON.stringify(payload ?? null)), 'RequestResponse');
        return runtime.invoke(payload);
      },
      async start() {
        if (driving.length > 0) throw new Error('This cloud has been started already.');
        for (const note of [...invoker.resume(), ...delivery.resume()]) logs.write('Cloud', note);
        for (const definition of model.eventSources) {
          if (!definition.enabled) continue;
          const runtime = functions.get(definition.functionArn)!;
          // Lambda polls in the name of the function.
          const caller = {
            ...callerOf(runtime.definition),
            kind: 'event source' as const,
            logicalId: definition.logicalId,
          };
          if (definition.kind === 'sqs') {
            const queue = model.queues.get(definition.queueArn)!;
            const needs = (action: string) => [{ action: `sqs:${action.replace(/Batch$/, '')}`, resource: queue.arn }];
            const polled = judgedClient(sqs, access, caller, needs);
            // Lambda itself looks how much there is, to see how many pollers it wants; so the role's permission is in use.
            await polled.call('GetQueueAttributes', { QueueUrl: queue.url, AttributeNames: ['All'] });
            // A poll that nothing can release must end by itself before the cloud can stop.
            const waitSeconds = sqsEngine.releasePolls ? 20 : 1;
            driving.push(
              runSqsEventSource({ definition, queue, runtime, sqs: polled, engine: sqs, waitSeconds, signal }),
            );
          } else {
            const checkpoints = new StreamCheckpoints(dataDir, definition.id, definition.streamArn);
            const stream = model.streams.get(definition.streamArn)!;
            const needs = (action: string) =>
              action === 'ListStreams'
                ? [listingStreams(stream.arn)]
                : [{ action: `dynamodb:${action}`, resource: stream.arn }];
            const polled = judgedClient(dynamodbStreams, access, caller, needs);
            // Lambda itself asks for it, so the role's permission is in use.
            await polled.call('ListStreams', { TableName: stream.tableName });
            driving.push(
              runStreamEventSource({
                definition,
                stream,
                runtime,
                streams: polled,
                sender,
                checkpoints,
                waitScale,
                signal,
              }),
            );
          }
        }
        driving.push(runSchedules(model, delivery, signal));
        driving.push(sweepExpiredItems(model.timeToLive, dynamodb, signal, options.timeToLiveSweepMs));
      },
      stop: endAll,
    };
  }
}

function publicResources(deployment: Deployment): Map<string, CloudResource> {
  return new Map(
    [...deployment.resources].map(([logicalId, { type, ref, attributes, constructPath, properties }]) => [
      logicalId,
      {
        type,
        physicalId: ref,
        arn: attributes['Arn'] ?? attributes['TopicArn'] ?? (ref.startsWith('arn:') ? ref : undefined),
        constructPath,
        properties,
      },
    ]),
  );
}

function findByPath(resources: ReadonlyMap<string, CloudResource>, suffix: string): [string, CloudResource] {
  const wanted = `/${suffix}`;
  const found = [...resources].filter(([, { constructPath }]) => {
    if (constructPath === undefined) return false;
    const path = `/${constructPath}`;
    return path.endsWith(wanted) || path.replace(/\/(Resource|Default)$/, '').endsWith(wanted);
  });
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new Error(`No resource has a construct path that ends in ${suffix}.`);
  throw new Error(
    `Several resources have a construct path that ends in ${suffix}: ${found.map(([id, { constructPath }]) => `${id} (${constructPath})`).join(', ')}.`,
  );
}
