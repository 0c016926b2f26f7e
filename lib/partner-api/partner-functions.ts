import { Duration, Validations } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { buyWithPrimeSecrets, offerCodesSecrets, type Settings } from '../../config/settings.ts';
import type { Environment as ServeBuyWithPrimeEnvironment } from '../../lambdas/buy-with-prime/serve-buy-with-prime.handler.ts';
import type { Environment as ServeOfferCodesEnvironment } from '../../lambdas/offer-codes/serve-offer-codes.handler.ts';
import type { Environment as DescribeServiceEnvironment } from '../../lambdas/partner-api/describe-service.handler.ts';
import type { WatchHandlerEnvironment } from '../../lambdas/shared/partner-api/watch-handler.ts';
import { EntitlementFunctions } from '../entitlements/entitlement-functions.ts';
import type { EntitlementGrants } from '../entitlements/entitlement-grants.ts';
import { credentialSecretArns } from '../shared/credential-secrets.ts';
import type { HandlerPath } from '../shared/handler-bundle.ts';
import { HandlerFunction } from '../shared/handler-function.ts';
import type { PacedQueue } from '../shared/paced-queue.ts';
import type { WatchTables } from '../shared/watch-tables.ts';
import type { ApiDocument } from './api-document.ts';
import type { RequestStore } from './request-store.ts';

/** MiB. Who calls waits, and the processor's share grows with the memory. */
const MEMORY_SIZE = 512;
/** A read is done within a second; API Gateway itself gives up after 29. */
const READING_TIMEOUT = Duration.seconds(10);
/** What a function needs besides its upstream: a cold start's secrets and connections, the tables, the answer. */
const BESIDES_UPSTREAM = Duration.seconds(5);
/** The same of orders, after whose last answer there is something to be written down. */
const BESIDES_ORDER = Duration.seconds(6);

export interface PartnerFunctionsProps {
  /** `<partner>=<role id>/<API key id>` of each partner, separated by spaces. */
  readonly partners: string;
  readonly document: ApiDocument;
  readonly tables: WatchTables;
  readonly titles: PacedQueue;
  readonly prices: PacedQueue;
  readonly store: RequestStore;
  readonly grants: EntitlementGrants;
  readonly settings: Settings;
}

/** The functions behind the partner API, one for each capability. */
export class PartnerFunctions extends Construct {
  readonly offerCodes: HandlerFunction<ServeOfferCodesEnvironment>;
  readonly entitlements: EntitlementFunctions;
  readonly buyWithPrime: HandlerFunction<ServeBuyWithPrimeEnvironment>;
  readonly titles: HandlerFunction<WatchHandlerEnvironment>;
  readonly prices: HandlerFunction<WatchHandlerEnvironment>;
  readonly service: HandlerFunction<DescribeServiceEnvironment>;
  /** By the handler that the API document names. */
  readonly byHandler: ReadonlyMap<HandlerPath, LambdaFunction>;

  constructor(scope: Construct, id: string, props: PartnerFunctionsProps) {
    super(scope, id);
    this.offerCodes = this.defineOfferCodes(props);
    this.entitlements = new EntitlementFunctions(this, 'Entitlements', { ...props, hashKey: props.store.hashKey });
    this.buyWithPrime = this.defineBuyWithPrime(props);
    this.titles = this.defineReading('ServeTitles', 'offer-status/serve-titles', props.titles, props);
    this.prices = this.defineReading('ServePrices', 'pricing/serve-prices', props.prices, props);
    this.service = this.defineService(props);
    const { players, pushes } = this.entitlements;
    this.byHandler = new Map<HandlerPath, LambdaFunction>([
      ['offer-codes/serve-offer-codes', this.offerCodes.function],
      ['entitlements/serve-players', players.function],
      ...(pushes ? [['entitlements/take-pushes', pushes.function] as const] : []),
      ['buy-with-prime/serve-buy-with-prime', this.buyWithPrime.function],
      ['offer-status/serve-titles', this.titles.function],
      ['pricing/serve-prices', this.prices.function],
      ['partner-api/describe-service', this.service.function],
    ]);
  }

  private defineOfferCodes({ partners, tables, store, settings }: PartnerFunctionsProps) {
    const { deadlineMs, role, apiArn } = settings.runtime.offerCodes;
    const secrets = [store.hashKey.secretArn, ...credentialSecretArns(this, offerCodesSecrets(settings))];
    const offerCodes = new HandlerFunction<ServeOfferCodesEnvironment>(this, 'ServeOfferCodes', {
      handler: 'offer-codes/serve-offer-codes',
      description: 'Partner API: verifies and redeems offer codes.',
      timeout: timeoutOf(deadlineMs, BESIDES_UPSTREAM),
      memorySize: MEMORY_SIZE,
      environment: {
        PARTNERS: partners,
        REQUESTS_TABLE: store.requests.tableName,
        HISTORY_TABLE: tables.history.tableName,
        HASH_KEY_SECRET: store.hashKey.secretArn,
      },
      permissions: [
        {
          actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
          resources: [store.requests.tableArn],
        },
        // What happened to a code is recorded as an event, and looked up when an answer was lost.
        { actions: ['dynamodb:PutItem', 'dynamodb:Query'], resources: [tables.history.tableArn] },
        { actions: ['secretsmanager:GetSecretValue'], resources: secrets },
        ...(role ? [{ actions: ['sts:AssumeRole'], resources: [role.arn] }] : []),
        ...(apiArn === undefined ? [] : [{ actions: ['execute-api:Invoke'], resources: [apiArn] }]),
      ],
      settings,
    });
    if (apiArn?.includes('*') === true) {
      Validations.of(offerCodes.role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::${apiArn}]`,
        reason: "It is the stage of Amazon's API that the settings name; its paths hold benefits and codes.",
      });
    }
    return offerCodes;
  }

  private defineBuyWithPrime({ partners, tables, store, settings }: PartnerFunctionsProps) {
    const secrets = [store.hashKey.secretArn, ...credentialSecretArns(this, buyWithPrimeSecrets(settings))];
    return new HandlerFunction<ServeBuyWithPrimeEnvironment>(this, 'ServeBuyWithPrime', {
      handler: 'buy-with-prime/serve-buy-with-prime',
      description: 'Partner API: quotes and orders with Buy with Prime.',
      timeout: timeoutOf(settings.runtime.buyWithPrime.deadlineMs, BESIDES_ORDER),
      memorySize: MEMORY_SIZE,
      environment: {
        PARTNERS: partners,
        REQUESTS_TABLE: store.requests.tableName,
        HISTORY_TABLE: tables.history.tableName,
        HASH_KEY_SECRET: store.hashKey.secretArn,
      },
      permissions: [
        {
          actions: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
          resources: [store.requests.tableArn],
        },
        // What became of an order is an event: the history is the outbox.
        { actions: ['dynamodb:PutItem'], resources: [tables.history.tableArn] },
        { actions: ['secretsmanager:GetSecretValue'], resources: secrets },
      ],
      settings,
    });
  }

  private defineReading(
    id: string,
    handler: HandlerPath,
    { noun, queues }: PacedQueue,
    { partners, tables, settings }: PartnerFunctionsProps,
  ) {
    return new HandlerFunction<WatchHandlerEnvironment>(this, id, {
      handler,
      description: `Partner API: reads ${noun}s and their history, and keeps their watch list.`,
      timeout: READING_TIMEOUT,
      memorySize: MEMORY_SIZE,
      environment: {
        PARTNERS: partners,
        WATCHES_TABLE: tables.watches.tableName,
        HISTORY_TABLE: tables.history.tableName,
        SLICES_QUEUE_URL: queues.slices.queueUrl,
      },
      permissions: [
        {
          actions: ['dynamodb:BatchGetItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'],
          resources: [tables.watches.tableArn],
        },
        { actions: ['dynamodb:Query'], resources: [tables.history.tableArn] },
        // A wish to look at once is a slice of its own.
        { actions: ['sqs:SendMessage'], resources: [queues.slices.queueArn] },
      ],
      settings,
    });
  }

  private defineService({ partners, document, tables, settings }: PartnerFunctionsProps) {
    return new HandlerFunction<DescribeServiceEnvironment>(this, 'DescribeService', {
      handler: 'partner-api/describe-service',
      description: 'Partner API: tells the health of the stage, and what the API can do.',
      timeout: READING_TIMEOUT,
      memorySize: MEMORY_SIZE,
      environment: { PARTNERS: partners, BUCKETS_TABLE: tables.buckets.tableName },
      permissions: [{ actions: ['dynamodb:Scan'], resources: [tables.buckets.tableArn] }],
      files: { 'openapi.json': document.text },
      settings,
    });
  }
}

const timeoutOf = (deadlineMs: number, besides: Duration): Duration =>
  Duration.seconds(Math.ceil(deadlineMs / 1000)).plus(besides);
