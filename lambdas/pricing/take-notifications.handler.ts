import { createNotificationTaker, TakerEnvironment } from '../shared/notifications/notification-taker.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { pricingAccounts } from './pricing-accounts.ts';
import { offerNotificationReader } from './read-offer-notification.ts';

/** Notifications queue → makes the price watches urgent that SP-API's notifications are about. */
export const Environment = TakerEnvironment;
export type Environment = TakerEnvironment;

const settings = shippedSettings(import.meta.url);

export const handler = createNotificationTaker({
  environment: Environment.parse(process.env),
  telemetry: telemetryOf('pricing', settings),
  read: offerNotificationReader(pricingAccounts(settings.pricing)),
});
