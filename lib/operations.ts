import { Aws } from 'aws-cdk-lib';
import { AlarmStatusWidget, Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Settings } from '../config/settings.ts';
import { BuyWithPrimeAlarms, hasMerchants } from './buy-with-prime/buy-with-prime-alarms.ts';
import type { BuyWithPrimeEvents } from './buy-with-prime/buy-with-prime-events.ts';
import { BuyWithPrimeEventsAlarms } from './buy-with-prime/buy-with-prime-events-alarms.ts';
import { buyWithPrimeEventsWidgets } from './buy-with-prime/buy-with-prime-events-widgets.ts';
import { buyWithPrimeWidgets } from './buy-with-prime/buy-with-prime-widgets.ts';
import { ChangeEventsAlarms } from './change-events/change-events-alarms.ts';
import { changeEventsWidgets } from './change-events/change-events-widgets.ts';
import type { ChangePublishing } from './change-events/change-publishing.ts';
import type { EntitlementGrants } from './entitlements/entitlement-grants.ts';
import { EntitlementsAlarms } from './entitlements/entitlements-alarms.ts';
import { entitlementsWidgets } from './entitlements/entitlements-widgets.ts';
import type { PartnerApi } from './partner-api/partner-api.ts';
import { PartnerApiAlarms } from './partner-api/partner-api-alarms.ts';
import { partnerApiWidgets } from './partner-api/partner-api-widgets.ts';
import type { NotificationDoor } from './shared/notification-door.ts';
import { NotificationDoorAlarms } from './shared/notification-door-alarms.ts';
import { notificationDoorWidgets } from './shared/notification-door-widgets.ts';
import type { PacedQueue } from './shared/paced-queue.ts';
import { PacedQueueAlarms } from './shared/paced-queue-alarms.ts';
import { pacedQueueWidgets } from './shared/paced-queue-widgets.ts';

export interface OperationsProps {
  readonly titles: PacedQueue;
  readonly prices: PacedQueue;
  readonly publishing: ChangePublishing;
  /** By room, in Pascal case. */
  readonly doors: ReadonlyMap<string, NotificationDoor>;
  /** Undefined where the settings name no bus of Buy with Prime's. */
  readonly amazonEvents: BuyWithPrimeEvents | undefined;
  /** Undefined where the settings have no partners. */
  readonly grants: EntitlementGrants | undefined;
  /** As well. */
  readonly partnerApi: PartnerApi | undefined;
  readonly settings: Settings;
}

/** What the operator looks at: alarms for everything that loses data or freshness, and one dashboard. */
export class Operations extends Construct {
  readonly dashboardUrl: string;

  constructor(
    scope: Construct,
    id: string,
    { titles, prices, publishing, doors, amazonEvents, grants, partnerApi, settings }: OperationsProps,
  ) {
    super(scope, id);
    const offerStatus = new PacedQueueAlarms(this, 'OfferStatus', { checks: titles, settings });
    const pricing = new PacedQueueAlarms(this, 'Pricing', { checks: prices, settings });
    const changeEvents = new ChangeEventsAlarms(this, 'ChangeEvents', { publishing, settings });
    const notifications = [...doors].flatMap(
      ([room, door]) => new NotificationDoorAlarms(this, `${room}Notifications`, { door, settings }).alarms,
    );
    const buyWithPrimeEvents = amazonEvents
      ? new BuyWithPrimeEventsAlarms(this, 'BuyWithPrimeEvents', { amazonEvents, settings }).alarms
      : [];
    const entitlements = grants ? new EntitlementsAlarms(this, 'Entitlements', { grants, settings }).alarms : [];
    const partners = partnerApi ? new PartnerApiAlarms(this, 'PartnerApi', { partnerApi, settings }).alarms : [];
    const selling = hasMerchants(settings) ? partnerApi : undefined;
    const buyWithPrime = selling ? new BuyWithPrimeAlarms(this, 'BuyWithPrime', { settings }).alarms : [];

    const dashboard = new Dashboard(this, 'Dashboard', {
      widgets: [
        [
          new AlarmStatusWidget({
            title: 'Alarms',
            width: 24,
            alarms: [
              ...offerStatus.alarms,
              ...pricing.alarms,
              ...changeEvents.alarms,
              ...notifications,
              ...buyWithPrimeEvents,
              ...entitlements,
              ...buyWithPrime,
              ...partners,
            ],
          }),
        ],
        pacedQueueWidgets(titles, settings),
        pacedQueueWidgets(prices, settings),
        changeEventsWidgets(publishing, settings),
        [...doors.values()].flatMap((door) => notificationDoorWidgets(door, settings)),
        amazonEvents ? buyWithPrimeEventsWidgets(amazonEvents, settings) : [],
        grants ? entitlementsWidgets(grants, settings) : [],
        selling ? buyWithPrimeWidgets(selling.functions, settings) : [],
        partnerApi ? partnerApiWidgets(partnerApi, settings) : [],
      ],
    });
    this.dashboardUrl = `https://${Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region=${Aws.REGION}#dashboards/dashboard/${dashboard.dashboardName}`;
  }
}
