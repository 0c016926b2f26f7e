import { Duration } from 'aws-cdk-lib';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import {
  entitlementsTrustSecrets,
  pushedPartners,
  pushSecrets,
  type Settings,
  webhookSecrets,
} from '../../config/settings.ts';
import type { Environment as ServePlayersEnvironment } from '../../lambdas/entitlements/serve-players.handler.ts';
import type { Environment as TakePushesEnvironment } from '../../lambdas/entitlements/take-pushes.handler.ts';
import { credentialSecretArns } from '../shared/credential-secrets.ts';
import { HandlerFunction } from '../shared/handler-function.ts';
import type { WatchTables } from '../shared/watch-tables.ts';
import type { EntitlementGrants } from './entitlement-grants.ts';
import { acknowledgeWebhookWildcards, webhookPermissions } from './webhook-permissions.ts';

export interface EntitlementFunctionsProps {
  /** `<partner>=<role id>/<API key id>` of each partner, separated by spaces. */
  readonly partners: string;
  /** Key of the hashes that stand for Amazon accounts. */
  readonly hashKey: Secret;
  readonly grants: EntitlementGrants;
  readonly tables: WatchTables;
  readonly settings: Settings;
}

/** MiB. Who calls waits, and the processor's share grows with the memory. */
const MEMORY_SIZE = 512;
/** What a function needs besides Amazon and webhooks: a cold start's secrets and connections, the tables, the answer. */
const BESIDES_DEADLINE = Duration.seconds(6);

/** What the functions write of a grant: transactions need the action of each of their parts. */
const WRITES = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'];

/** The functions that players' games call by the partner API, and that Amazon calls where a partner wants it to. */
export class EntitlementFunctions extends Construct {
  readonly players: HandlerFunction<ServePlayersEnvironment>;
  /** Undefined where no partner has the push integration. */
  readonly pushes: HandlerFunction<TakePushesEnvironment> | undefined;

  constructor(scope: Construct, id: string, props: EntitlementFunctionsProps) {
    super(scope, id);
    this.players = this.definePlayers(props);
    this.pushes = Object.keys(pushedPartners(props.settings)).length > 0 ? this.definePushes(props) : undefined;
  }

  private definePlayers(props: EntitlementFunctionsProps) {
    const { partners, hashKey, settings } = props;
    const { entitlements, partnerApi } = settings.runtime;
    const secrets = [...entitlementsTrustSecrets(settings), ...webhookSecrets(settings)];
    const webhooks = webhookPermissions(partnerApi.partners);
    const players = new HandlerFunction<ServePlayersEnvironment>(this, 'ServePlayers', {
      handler: 'entitlements/serve-players',
      description: 'Partner API: grants and reports what players have claimed with Prime Gaming.',
      timeout: timeoutOf(entitlements.deadlineMs),
      memorySize: MEMORY_SIZE,
      environment: { PARTNERS: partners, ...variablesOf(props) },
      permissions: [
        ...permissionsOf(props, ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', ...WRITES]),
        {
          actions: ['secretsmanager:GetSecretValue'],
          resources: [hashKey.secretArn, ...credentialSecretArns(this, secrets)],
        },
        ...webhooks,
      ],
      settings,
    });
    acknowledgeWebhookWildcards(players.role, webhooks);
    return players;
  }

  private definePushes(props: EntitlementFunctionsProps) {
    const { hashKey, settings } = props;
    const webhooks = webhookPermissions(pushedPartners(settings));
    const pushes = new HandlerFunction<TakePushesEnvironment>(this, 'TakePushes', {
      handler: 'entitlements/take-pushes',
      description: 'Push integration: grants claims that Amazon tells of, links and unlinks accounts.',
      timeout: timeoutOf(settings.runtime.entitlements.deadlineMs),
      memorySize: MEMORY_SIZE,
      environment: variablesOf(props),
      permissions: [
        ...permissionsOf(props, ['dynamodb:GetItem', 'dynamodb:BatchGetItem', ...WRITES]),
        {
          actions: ['secretsmanager:GetSecretValue'],
          // A partner's secret holds the keys of both its webhook and its pushes.
          resources: [hashKey.secretArn, ...credentialSecretArns(this, pushSecrets(settings))],
        },
        ...webhooks,
      ],
      settings,
    });
    acknowledgeWebhookWildcards(pushes.role, webhooks);
    return pushes;
  }
}

const timeoutOf = (deadlineMs: number): Duration =>
  Duration.seconds(Math.ceil(deadlineMs / 1000)).plus(BESIDES_DEADLINE);

const variablesOf = ({ hashKey, grants, tables }: EntitlementFunctionsProps): TakePushesEnvironment => ({
  ENTITLEMENTS_TABLE: grants.store.entitlements.tableName,
  HISTORY_TABLE: tables.history.tableName,
  GRANTS_QUEUE_URL: grants.queue.queueUrl,
  HASH_KEY_SECRET: hashKey.secretArn,
});

const permissionsOf = ({ grants, tables }: EntitlementFunctionsProps, onEntitlements: readonly string[]) => [
  { actions: onEntitlements, resources: [grants.store.entitlements.tableArn] },
  // What happened is an event: the history is the outbox.
  { actions: ['dynamodb:PutItem'], resources: [tables.history.tableArn] },
  // A grant that a webhook has not confirmed is tried again from there.
  { actions: ['sqs:SendMessage'], resources: [grants.queue.queueArn] },
];
