import { createPlanner, PlannerEnvironment } from '../shared/laps/planner.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { pricingAccounts } from './pricing-accounts.ts';

/** Schedule (every minute) → tops up the buckets of each selling account with slices of their laps. */
export const Environment = PlannerEnvironment;
export type Environment = PlannerEnvironment;

const settings = shippedSettings(import.meta.url);

export const handler = createPlanner({
  environment: Environment.parse(process.env),
  telemetry: telemetryOf('pricing', settings),
  polling: settings.polling,
  buckets: pricingAccounts(settings.pricing).flatMap(({ buckets }) => buckets),
  minLapSeconds: settings.pricing.minLapSeconds,
});
