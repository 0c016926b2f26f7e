import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { requiredSecrets, type Settings } from '../config/settings.ts';
import { BuyWithPrimeEvents } from './buy-with-prime/buy-with-prime-events.ts';
import { ChangePublishing } from './change-events/change-publishing.ts';
import { EntitlementGrants } from './entitlements/entitlement-grants.ts';
import { NotificationDoors } from './notification-doors.ts';
import { TitleChecks } from './offer-status/title-checks.ts';
import { Operations } from './operations.ts';
import { hasPartners, PartnerApi } from './partner-api/partner-api.ts';
import { PriceChecks } from './pricing/price-checks.ts';
import type { InboundQueue } from './shared/inbound-queue.ts';
import type { PacedQueue } from './shared/paced-queue.ts';
import { WatchTables } from './shared/watch-tables.ts';

export interface OfferRelayStackProps {
  readonly settings: Settings;
}

/**
 * The whole of a stage.
 *
 *     schedule ─▶ planner ─▶ slices ─▶ worker ─▶ upstream API
 *                                        │
 *   notifications ─▶ watches + history ◀─┴─ taker ◀─ Buy with Prime's own events
 *                    ▲  │ stream
 *                    │  ▼
 *                    │ publisher ─▶ change bus ─▶ subscribers
 *                    │
 *   partners ─▶ partner API ─▶ offer codes API, Prime Gaming, Buy with Prime
 *                 │     │
 *                 │     └─▶ grants ─▶ resumer ─▶ the game's webhook
 *                 ▼           ▲          │
 *               entitlements ◀┼──────────┘
 *                 │           │
 *   schedule ─▶ sweeper ──────┘
 */
export class OfferRelayStack extends Stack {
  constructor(scope: Construct, id: string, { settings }: OfferRelayStackProps) {
    super(scope, id, {
      description: `Offer Relay, stage ${settings.stage}: watches Amazon offers and emits what changed`,
      terminationProtection: settings.removalPolicy === 'retain',
      tags: { application: 'offer-relay', stage: settings.stage },
    });

    const tables = new WatchTables(this, 'WatchTables', { settings });
    const titles = new TitleChecks(this, 'TitleChecks', { tables, settings });
    const prices = new PriceChecks(this, 'PriceChecks', { tables, settings });
    const publishing = new ChangePublishing(this, 'ChangePublishing', { tables, settings });
    const { doors } = new NotificationDoors(this, 'Notifications', { tables, settings });
    const { events } = settings.runtime.buyWithPrime;
    const amazonEvents = events && new BuyWithPrimeEvents(this, 'BuyWithPrimeEvents', { ...events, tables, settings });
    const grants = hasPartners(settings)
      ? new EntitlementGrants(this, 'Entitlements', { tables, settings })
      : undefined;
    const partnerApi = grants
      ? new PartnerApi(this, 'PartnerApi', { tables, titles, prices, grants, settings })
      : undefined;
    const operations = new Operations(this, 'Operations', {
      titles,
      prices,
      publishing,
      doors,
      amazonEvents,
      grants,
      partnerApi,
      settings,
    });

    this.output('BusName', publishing.bus.bus.eventBusName, 'Name of the bus that subscribers put their rules on');
    this.output('BusArn', publishing.bus.bus.eventBusArn, 'ARN of that bus, for subscribers in other accounts');
    this.output('WatchesTableName', tables.watches.tableName, 'Watches and their latest states');
    this.output('HistoryTableName', tables.history.tableName, 'Every recorded change');
    this.output('BucketsTableName', tables.buckets.tableName, 'Token buckets of the upstream APIs');
    this.outputQueues('', titles);
    this.outputQueues('Price', prices);
    this.output('FailedBatchesQueueUrl', publishing.failedBatches.queueUrl, 'Stream batches that were given up');
    for (const [room, door] of doors) this.outputInbound(`${room}Notifications`, 'notifications', door);
    if (amazonEvents) this.outputInbound('BuyWithPrimeEvents', 'events', amazonEvents);
    if (grants) this.outputEntitlements(grants);
    if (partnerApi) this.outputPartnerApi(partnerApi);
    this.output('DashboardUrl', operations.dashboardUrl, 'Dashboard of the stage');
    this.output('RequiredSecrets', requiredSecrets(settings).join(',') || 'none', 'Secrets that the operator makes');
  }

  private outputQueues(prefix: string, { noun, queues: { slices, deadLetters } }: PacedQueue): void {
    this.output(`${prefix}SlicesQueueUrl`, slices.queueUrl, `Planned checks of ${noun}s`);
    this.output(`${prefix}SlicesQueueArn`, slices.queueArn, 'ARN of that queue, to redrive to');
    this.output(`${prefix}DeadLetterQueueUrl`, deadLetters.queueUrl, `Checks of ${noun}s that were given up`);
    this.output(`${prefix}DeadLetterQueueArn`, deadLetters.queueArn, 'ARN of that queue, to redrive from');
  }

  private outputInbound(id: string, what: string, { queue, deadLetters }: InboundQueue): void {
    this.output(`${id}QueueUrl`, queue.queueUrl, `Where an upstream sends its ${what}`);
    this.output(
      `${id}QueueArn`,
      queue.queueArn,
      'ARN of that queue, for the subscription at the upstream and to redrive to',
    );
    this.output(`${id}DeadLetterQueueUrl`, deadLetters.queueUrl, `${what} that were not understood`);
    this.output(`${id}DeadLetterQueueArn`, deadLetters.queueArn, 'ARN of that queue, to redrive from');
  }

  private outputEntitlements({ store, queue, deadLetters }: EntitlementGrants): void {
    this.output('EntitlementsTableName', store.entitlements.tableName, 'What players have claimed and been given');
    this.output('GrantsQueueUrl', queue.queueUrl, 'Grants that wait for their next try');
    this.output('GrantsQueueArn', queue.queueArn, 'ARN of that queue, to redrive to');
    this.output('GrantsDeadLetterQueueUrl', deadLetters.queueUrl, 'Grants that were given up');
    this.output('GrantsDeadLetterQueueArn', deadLetters.queueArn, 'ARN of that queue, to redrive from');
  }

  private outputPartnerApi({ gateway, partners, store }: PartnerApi): void {
    this.output('PartnerApiUrl', gateway.url, 'Where partners call the API');
    if (gateway.domain) {
      this.output('PartnerApiDomainTarget', gateway.domain.domainNameAliasDomainName, 'Where its DNS record leads');
      this.output('PartnerApiDomainZoneId', gateway.domain.domainNameAliasHostedZoneId, 'Hosted zone of that target');
    }
    this.output('RequestsTableName', store.requests.tableName, 'Idempotency keys and counters of partners');
    for (const [name, { role, apiKey }] of partners) {
      const id = `Partner${pascalCase(name)}`;
      this.output(`${id}RoleArn`, role.roleArn, `Role that the partner ${name} assumes`);
      this.output(`${id}ApiKeyId`, apiKey.keyId, `Identifier of the API key of the partner ${name}`);
    }
  }

  private output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}

const pascalCase = (name: string): string =>
  name.replaceAll(/(?:^|-+)(.?)/g, (_, letter: string) => letter.toUpperCase());
