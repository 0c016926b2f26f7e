import { createPlanner, PlannerEnvironment } from '../shared/laps/planner.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { offerStatusAccounts } from './offer-status-accounts.ts';

/** Schedule (every minute) → tops up each account's bucket with slices of its laps. */
export const Environment = PlannerEnvironment;
export type Environment = PlannerEnvironment;

const settings = shippedSettings(import.meta.url);

export const handler = createPlanner({
  environment: Environment.parse(process.env),
  telemetry: telemetryOf('offer-status', settings),
  polling: settings.polling,
  buckets: offerStatusAccounts(settings.offerStatus).map(({ bucket }) => bucket),
  minLapSeconds: settings.offerStatus.minLapSeconds,
});
