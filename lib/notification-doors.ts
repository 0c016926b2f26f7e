import { Construct } from 'constructs';
import type { Settings } from '../config/settings.ts';
import { NotificationDoor } from './shared/notification-door.ts';
import type { WatchTables } from './shared/watch-tables.ts';

/** The account that SP-API sends notifications from ("Set up notifications: Amazon SQS workflow"). */
const SP_API_ACCOUNT = '437568002678';

export interface NotificationDoorsProps {
  readonly tables: WatchTables;
  readonly settings: Settings;
}

/** The doors that the settings open to upstreams which tell of changes. */
export class NotificationDoors extends Construct {
  /** By room, in Pascal case. */
  readonly doors: ReadonlyMap<string, NotificationDoor>;

  constructor(scope: Construct, id: string, { tables, settings }: NotificationDoorsProps) {
    super(scope, id);
    const { offerStatus, pricing } = settings.runtime;
    const doors = new Map<string, NotificationDoor>();
    if (offerStatus.notifications.enabled) {
      const { senderAccounts, eventBus } = offerStatus.notifications;
      const room = 'offer-status';
      const sender = 'Prime Video';
      doors.set(
        'OfferStatus',
        new NotificationDoor(this, 'OfferStatus', { room, sender, senderAccounts, eventBus, tables, settings }),
      );
    }
    if (pricing.notifications.enabled && Object.keys(pricing.accounts).length > 0) {
      const senderAccounts = [SP_API_ACCOUNT];
      doors.set(
        'Pricing',
        new NotificationDoor(this, 'Pricing', { room: 'pricing', sender: 'SP-API', senderAccounts, tables, settings }),
      );
    }
    this.doors = doors;
  }
}
