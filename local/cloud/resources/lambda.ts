import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { temporaryCredentials } from '../credentials.ts';
import { parsePattern } from '../event-pattern.ts';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import { bool, inert, integer, integerBetween, resourceType, type ResourceContext } from '../resource-type.ts';

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_BYTES = 4096;
const UNZIPPED_CODE_BYTES = 250 * 1024 * 1024;
/** https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html */
const VARIABLE_NAME = /^[a-zA-Z]\w+$/;

const Function = z.strictObject({
  FunctionName: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'a function name has 1 to 64 letters, digits, hyphens and underscores')
    .optional(),
  Description: z.string().max(256, 'a description has at most 256 characters').optional(),
  Code: z.strictObject({ S3Bucket: inert, S3Key: z.string().optional(), SourceKMSKeyArn: inert }),
  Handler: z.string(),
  Runtime: z.string().regex(/^nodejs\d+\.x$/, 'only Node.js runtimes run here'),
  PackageType: z.literal('Zip').optional(),
  Role: z.string(),
  Timeout: integerBetween(1, 900).optional(),
  MemorySize: integerBetween(128, 10_240).optional(),
  Environment: z.strictObject({ Variables: z.record(z.string(), z.coerce.string()).optional() }).optional(),
  DeadLetterConfig: z.strictObject({ TargetArn: z.string() }).optional(),
  TracingConfig: z.strictObject({ Mode: z.enum(['Active', 'PassThrough']).optional() }).optional(),
  LoggingConfig: z
    .strictObject({
      LogGroup: z.string().optional(),
      LogFormat: z.enum(['Text', 'JSON']).optional(),
      ApplicationLogLevel: z.string().optional(),
      SystemLogLevel: inert,
    })
    .optional(),
});

const RESERVED_VARIABLES = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_ACCESS_KEY',
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
]);

export const lambdaFunction = resourceType({
  properties: Function,
  inert: [
    'Architectures',
    'CodeSigningConfigArn',
    'EphemeralStorage',
    'RecursiveLoop',
    'RuntimeManagementConfig',
    'Tags',
  ],
  deploy(properties, context) {
    const name = properties.FunctionName ?? context.name(64);
    const arn = `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:${name}`;
    const deadLetterArn = properties.DeadLetterConfig?.TargetArn;
    if (deadLetterArn) requireStandardQueue(deadLetterArn, 'DeadLetterConfig.TargetArn', context);
    checkVariables(properties.Environment?.Variables ?? {}, context);
    context.model.functions.set(arn, {
      logicalId: context.logicalId,
      name,
      arn,
      codeDirectory: codeDirectory(properties.Code.S3Key, context),
      handler: properties.Handler,
      runtime: properties.Runtime,
      timeoutSeconds: properties.Timeout ?? 3,
      memoryMb: properties.MemorySize ?? 128,
      environment: properties.Environment?.Variables ?? {},
      logGroup: properties.LoggingConfig?.LogGroup ?? `/aws/lambda/${name}`,
      makesLogGroup: properties.LoggingConfig?.LogGroup === undefined,
      logFormat: properties.LoggingConfig?.LogFormat ?? 'Text',
      logLevel: properties.LoggingConfig?.ApplicationLogLevel,
      deadLetterArn,
      roleArn: properties.Role,
      traced: properties.TracingConfig?.Mode === 'Active',
      // New ones for each start, as a role's session has them: no function can work out another's.
      credentials: temporaryCredentials(),
    });
    return { ref: name, attributes: { Arn: arn } };
  },
});

function codeDirectory(key: string | undefined, context: ResourceContext): string {
  const hash = key
    ?.split('/')
    .at(-1)
    ?.replace(/\.\w+$/, '');
  const directory = hash === undefined ? undefined : context.assembly.assetPath(hash);
  if (directory === undefined) {
    throw context.unsupported(
      'Code',
      'the code must be a file asset of the assembly (inline code and other buckets are not supported)',
    );
  }
  if (!existsSync(directory))
    throw context.unsupported('Code', `the asset ${directory} does not exist; synthesise again`);
  if (!statSync(directory).isDirectory())
    throw context.unsupported('Code', `the asset ${directory} is not a directory`);
  const bytes = directoryBytes(directory);
  if (bytes > UNZIPPED_CODE_BYTES)
    throw context.unsupported('Code', `the code has ${bytes} bytes; Lambda takes ${UNZIPPED_CODE_BYTES} unzipped`);
  return directory;
}

function checkVariables(variables: Record<string, string>, context: ResourceContext): void {
  for (const name of Object.keys(variables)) {
    const property = `Environment.Variables.${name}`;
    if (RESERVED_VARIABLES.has(name)) throw context.unsupported(property, 'Lambda reserves this variable for itself');
    if (!VARIABLE_NAME.test(name)) {
      throw context.unsupported(
        property,
        'the name of a variable has two or more letters, digits and underscores, and a letter in front',
      );
    }
  }
  // Lambda measures the variables as the JSON object that it keeps.
  const bytes = Buffer.byteLength(JSON.stringify(variables));
  if (Object.keys(variables).length > 0 && bytes > ENVIRONMENT_BYTES) {
    throw context.unsupported(
      'Environment.Variables',
      `the variables have ${bytes} bytes as JSON; Lambda takes ${ENVIRONMENT_BYTES} in total`,
    );
  }
}

function directoryBytes(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

function requireStandardQueue(arn: string, property: string, context: ResourceContext): void {
  const queue = context.model.queues.get(arn);
  if (!queue) throw context.unsupported(property, `only SQS queues of this template can be it, and ${arn} is none`);
  if (queue.fifo) throw context.unsupported(property, 'AWS takes standard queues only here, and this one is FIFO');
}

const OnFailure = z.strictObject({ Destination: z.string() });

const EventSourceMapping = z.strictObject({
  FunctionName: z.string(),
  EventSourceArn: z.string(),
  Enabled: bool.optional(),
  BatchSize: integerBetween(1, 10_000).optional(),
  MaximumBatchingWindowInSeconds: integerBetween(0, 300).optional(),
  FunctionResponseTypes: z.array(z.literal('ReportBatchItemFailures')).optional(),
  FilterCriteria: z.strictObject({ Filters: z.array(z.strictObject({ Pattern: z.string() })).optional() }).optional(),
  ScalingConfig: z.strictObject({ MaximumConcurrency: integerBetween(2, 1000).optional() }).optional(),
  StartingPosition: z.enum(['TRIM_HORIZON', 'LATEST']).optional(),
  BisectBatchOnFunctionError: bool.optional(),
  MaximumRetryAttempts: integerBetween(-1, 10_000).optional(),
  MaximumRecordAgeInSeconds: integer
    .refine((age) => age === -1 || (age >= 60 && age <= 604_800), 'it must be -1 or 60 to 604800')
    .optional(),
  ParallelizationFactor: integerBetween(1, 10).optional(),
  DestinationConfig: z.strictObject({ OnFailure: OnFailure.optional() }).optional(),
});

const STREAM_ONLY = [
  'StartingPosition',
  'BisectBatchOnFunctionError',
  'MaximumRetryAttempts',
  'MaximumRecordAgeInSeconds',
  'ParallelizationFactor',
  'DestinationConfig',
] as const;

export const eventSourceMapping = resourceType({
  properties: EventSourceMapping,
  inert: ['MetricsConfig', 'Tags'],
  deploy(properties, context) {
    const functionArn = findFunction(properties.FunctionName, context);
    const batchSize = properties.BatchSize;
    const window = properties.MaximumBatchingWindowInSeconds ?? 0;
    const common = {
      id: uuidFrom(context.name(128)),
      logicalId: context.logicalId,
      functionArn,
      enabled: properties.Enabled ?? true,
      batchingWindowSeconds: window,
      reportBatchItemFailures: (properties.FunctionResponseTypes ?? []).length > 0,
      filters: (properties.FilterCriteria?.Filters ?? []).map((filter, index) => {
        try {
          return parsePattern(filter.Pattern);
        } catch (error) {
          throw context.unsupported(`FilterCriteria.Filters.${index}.Pattern`, (error as Error).message);
        }
      }),
    };
    const source = properties.EventSourceArn;
    const queue = context.model.queues.get(source);
    if (queue) {
      const stray = STREAM_ONLY.find((property) => properties[property] !== undefined);
      if (stray) throw context.unsupported(stray, 'it is for streams, not for queues');
      const timeout = context.model.functions.get(functionArn)!.timeoutSeconds;
      if (queue.visibilityTimeoutSeconds < timeout) {
        throw context.unsupported(
          'EventSourceArn',
          `the queue's visibility time-out (${queue.visibilityTimeoutSeconds} s) is less than the function's time-out (${timeout} s), which AWS refuses`,
        );
      }
      if (batchSize !== undefined && batchSize > 10 && queue.fifo)
        throw context.unsupported('BatchSize', 'a FIFO queue gives ten at most');
      if (batchSize !== undefined && batchSize > 10 && window === 0)
        throw context.unsupported('BatchSize', 'above 10 it wants a batching window of at least 1 s');
      if (queue.fifo && window > 0)
        throw context.unsupported('MaximumBatchingWindowInSeconds', 'a FIFO queue has no batching window');
      const maximumConcurrency = properties.ScalingConfig?.MaximumConcurrency;
      context.model.eventSources.push({
        ...common,
        kind: 'sqs',
        queueArn: source,
        batchSize: batchSize ?? 10,
        maximumConcurrency,
      });
    } else if (context.model.streams.has(source)) {
      if (properties.ScalingConfig) throw context.unsupported('ScalingConfig', 'it is for queues, not for streams');
      if (!properties.StartingPosition) throw context.unsupported('StartingPosition', 'a stream needs one');
      const onFailureArn = properties.DestinationConfig?.OnFailure?.Destination;
      if (onFailureArn) requireStandardQueue(onFailureArn, 'DestinationConfig.OnFailure.Destination', context);
      context.model.eventSources.push({
        ...common,
        kind: 'stream',
        streamArn: source,
        batchSize: batchSize ?? 100,
        startingPosition: properties.StartingPosition,
        bisectOnError: properties.BisectBatchOnFunctionError ?? false,
        maximumRetryAttempts: properties.MaximumRetryAttempts ?? -1,
        maximumRecordAgeSeconds: properties.MaximumRecordAgeInSeconds ?? -1,
        parallelizationFactor: properties.ParallelizationFactor ?? 1,
        onFailureArn,
      });
    } else {
      throw context.unsupported('EventSourceArn', `${source} is neither a queue nor a table stream of this template`);
    }
    return {
      ref: common.id,
      attributes: {
        Id: common.id,
        EventSourceMappingArn: `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:event-source-mapping:${common.id}`,
      },
    };
  },
});

const EventInvokeConfig = z.strictObject({
  FunctionName: z.string(),
  Qualifier: z.literal('$LATEST'),
  MaximumRetryAttempts: integerBetween(0, 2).optional(),
  MaximumEventAgeInSeconds: integerBetween(60, 21_600).optional(),
  DestinationConfig: z.strictObject({ OnFailure: OnFailure.optional(), OnSuccess: OnFailure.optional() }).optional(),
});

export const eventInvokeConfig = resourceType({
  properties: EventInvokeConfig,
  inert: [],
  deploy(properties, context) {
    const functionArn = findFunction(properties.FunctionName, context);
    const onFailureArn = properties.DestinationConfig?.OnFailure?.Destination;
    const onSuccessArn = properties.DestinationConfig?.OnSuccess?.Destination;
    if (onFailureArn) requireStandardQueue(onFailureArn, 'DestinationConfig.OnFailure.Destination', context);
    if (onSuccessArn) requireStandardQueue(onSuccessArn, 'DestinationConfig.OnSuccess.Destination', context);
    context.model.asyncInvocation.set(functionArn, {
      maximumRetryAttempts: properties.MaximumRetryAttempts ?? 2,
      maximumEventAgeSeconds: properties.MaximumEventAgeInSeconds ?? 21_600,
      onFailureArn,
      onSuccessArn,
    });
    return { ref: context.name(128), attributes: {} };
  },
});

/** A function is named by its name or ARN, with or without `:$LATEST`. */
function findFunction(name: string, context: ResourceContext): string {
  const bare = name.replace(/:\$LATEST$/, '');
  for (const definition of context.model.functions.values()) {
    if (definition.arn === bare || definition.name === bare) return definition.arn;
  }
  throw context.unsupported('FunctionName', `${name} is no function of this template`);
}

function uuidFrom(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
