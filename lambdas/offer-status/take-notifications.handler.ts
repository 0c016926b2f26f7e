import { createNotificationTaker, TakerEnvironment } from '../shared/notifications/notification-taker.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { offerStatusAccounts } from './offer-status-accounts.ts';
import { statusNotificationReader } from './read-status-notification.ts';

/** Notifications queue → makes the titles urgent that Prime Video's notifications are about. */
export const Environment = TakerEnvironment;
export type Environment = TakerEnvironment;

const settings = shippedSettings(import.meta.url);

export const handler = createNotificationTaker({
  environment: Environment.parse(process.env),
  telemetry: telemetryOf('offer-status', settings),
  read: statusNotificationReader(offerStatusAccounts(settings.offerStatus).flatMap(({ licensors }) => licensors)),
});
