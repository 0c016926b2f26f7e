import { setMaxListeners } from 'node:events';
import { resolve } from 'node:path';
import { readAssembly } from './assembly.ts';
import { AsyncInvoker } from './async-invocation.ts';
import { awsClient, type AwsClient } from './aws-call.ts';
import { lockDataDirectory } from './data-directory.ts';
import { deploy, type Deployment } from './deployment.ts';
import { startDynamoDb } from './dynamodb-engine.ts';
import { EventBuses, type BusEvent } from './event-bus.ts';
import { openFunctionLogs } from './function-log.ts';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import type { InvocationInfo, InvocationResult } from './invocation.ts';
import { serveJson, type Operations } from './json-service.ts';
import { FunctionRuntime } from './lambda-runtime.ts';
import { PendingWork } from './pending-work.ts';
import { queueSender } from './queue-sender.ts';
import { runSchedules } from './schedules.ts';
import { Secrets } from './secrets.ts';
import { runSqsEventSource } from './sqs-event-source.ts';
import { startSqs } from './sqs-engine.ts';
import { StreamCheckpoints } from './stream-checkpoint.ts';
import { runStreamEventSource } from './stream-event-source.ts';
import { TargetDelivery } from './target-delivery.ts';
import { sweepExpiredItems } from './time-to-live.ts';

export type { BusEvent } from './event-bus.ts';
export type { InvocationError, InvocationInfo, InvocationResult } from './invocation.ts';
export { TemplateError } from './template-error.ts';

export interface CloudOptions {
  /** The directory of the synthesised cloud assembly, usually `cdk.out`. */
  assembly: string;
  /** The stack to run, by artifact id or name. Needed only where the assembly has several. */
  stack?: string;
  /** Tables, queues, stream positions and logs live here and outlast a restart. */
  dataDir: string;
  /** Secrets by name; anything but a string is stored as JSON. */
  secrets?: Record<string, unknown>;
  /** Endpoints to use in place of the engines that the project brings. */
  engines?: { dynamodbUrl?: string; sqsUrl?: string };
  /** Variables for every function besides the template's. For trust settings such as NODE_EXTRA_CA_CERTS only. */
  functionEnvironment?: Record<string, string>;
  /** Every event that a bus accepts. */
  onEvent?(event: BusEvent, busName: string): void;
  onLog?(line: { functionId: string; text: string }): void;
  onInvocation?(info: InvocationInfo): void;
  /** Shortens the waits between retries and the ages of events by this factor, for tests. @default 1 */
  retryWaitScale?: number;
  /** How often items past their time to live are deleted, in milliseconds. @default 30000 */
  timeToLiveSweepMs?: number;
  /** How long stop() lets running invocations finish, in milliseconds. @default 5000 */
  stopGraceMs?: number;
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
  };
  readonly region: string;
  readonly accountId: string;
  /** For SDK clients of the caller; functions have credentials of their own. */
  readonly credentials: { accessKeyId: string; secretAccessKey: string };
  /** By logical id. */
  readonly resources: ReadonlyMap<string, CloudResource>;
  readonly outputs: Readonly<Record<string, string>>;
  /** The physical id of the one resource whose construct path ends so, e.g. `OfferStatus/Watches`. */
  physicalId(constructPathSuffix: string): string;
  /** Starts everything that drives the functions: event sources, schedules, the TTL sweeper. */
  start(): Promise<void>;
  /** Invokes a function and waits for its answer. Named by logical id, physical name or construct path suffix. */
  invoke(functionIdOrPath: string, payload: unknown): Promise<InvocationResult>;
  putSecret(name: string, value: unknown): void;
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
    endings.push(lockDataDirectory(dataDir));
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
    const deployment = await deploy(assembly, { dynamodb, dynamodbStreams, sqs });
    const { model } = deployment;

    const secrets = new Secrets();
    for (const [name, value] of Object.entries(options.secrets ?? {})) secrets.put(name, value);
    const logs = openFunctionLogs(dataDir, options.onLog);
    endings.push(() => logs.close());

    // The services' server must have its address before the functions have theirs, and needs them to deliver events.
    const operations: Operations = secrets.operations();
    const services = await serveJson(operations);
    endings.push(() => services.stop());
    const endpoints = {
      dynamodb: dynamodbEngine.url,
      dynamodbStreams: dynamodbEngine.url,
      sqs: sqsEngine.url,
      eventbridge: services.url,
      secretsManager: services.url,
    };

    const functions = new Map<string, FunctionRuntime>();
    for (const definition of model.functions.values()) {
      const environment = { ...options.functionEnvironment, ...endpointVariables(endpoints, services.url) };
      functions.set(
        definition.arn,
        new FunctionRuntime({ definition, environment, logs, onInvocation: options.onInvocation }),
      );
    }
    const stopping = new AbortController();
    const { signal } = stopping;
    // Every lane of every stream listens to it; Node would take that for a leak.
    setMaxListeners(0, signal);
    const waitScale = options.retryWaitScale ?? 1;
    const sender = queueSender(sqs, model.queues);
    const pending = new PendingWork(dataDir);
    endings.push(() => pending.close());
    const invoker = new AsyncInvoker({
      functions,
      settings: model.asyncInvocation,
      sender,
      pending,
      waitScale,
      signal,
    });
    const delivery = new TargetDelivery({ invoker, sender, pending, waitScale, signal });
    Object.assign(operations, new EventBuses(model, delivery, options.onEvent).operations());

    const driving: Promise<void>[] = [];
    endings.push(async () => {
      stopping.abort();
      sqsEngine.releasePolls?.();
      // A poll may still have been on its way to the engine.
      const releasing = setInterval(() => sqsEngine.releasePolls?.(), 50);
      await Promise.all([...functions.values()].map((runtime) => runtime.stop(options.stopGraceMs ?? 5000)));
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
      credentials: { accessKeyId: 'LOCALOPERATOR', secretAccessKey: 'local' },
      resources,
      outputs: deployment.outputs,
      physicalId: (suffix) => find(suffix)[1].physicalId,
      putSecret: (name, value) => secrets.put(name, value),
      async invoke(functionIdOrPath, payload) {
        const byName = [...functions.values()].find(({ definition }) =>
          [definition.logicalId, definition.name, definition.arn].includes(functionIdOrPath),
        );
        const runtime = byName ?? functions.get(find(functionIdOrPath)[1].arn ?? '');
        if (!runtime) throw new Error(`${functionIdOrPath} is not a function`);
        return runtime.invoke(payload);
      },
      start() {
        if (driving.length > 0) throw new Error('This cloud has been started already.');
        for (const note of [...invoker.resume(), ...delivery.resume()]) logs.write('Cloud', note);
        for (const definition of model.eventSources) {
          if (!definition.enabled) continue;
          const runtime = functions.get(definition.functionArn)!;
          if (definition.kind === 'sqs') {
            const queue = model.queues.get(definition.queueArn)!;
            // A poll that nothing can release must end by itself before the cloud can stop.
            const waitSeconds = sqsEngine.releasePolls ? 20 : 1;
            driving.push(runSqsEventSource({ definition, queue, runtime, sqs, waitSeconds, signal }));
          } else {
            const checkpoints = new StreamCheckpoints(dataDir, definition.id, definition.streamArn);
            const stream = model.streams.get(definition.streamArn)!;
            driving.push(
              runStreamEventSource({
                definition,
                stream,
                runtime,
                streams: dynamodbStreams,
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
        return Promise.resolve();
      },
      stop: endAll,
    };
  }
}

function endpointVariables(endpoints: Cloud['endpoints'], anythingElse: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_DYNAMODB_STREAMS: endpoints.dynamodbStreams,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_EVENTBRIDGE: endpoints.eventbridge,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsManager,
    // A service that is not played is refused by name, rather than called in the real cloud with made-up credentials.
    AWS_ENDPOINT_URL: anythingElse,
  };
}

function publicResources(deployment: Deployment): Map<string, CloudResource> {
  return new Map(
    [...deployment.resources].map(([logicalId, { type, ref, attributes, constructPath, properties }]) => [
      logicalId,
      {
        type,
        physicalId: ref,
        arn: attributes['Arn'] ?? attributes['TopicArn'] ?? attributes['PolicyArn'],
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
