import * as z from 'zod/mini';
import { systemClock } from '../shared/clock.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → tells the health of the stage and serves its OpenAPI document. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  BUCKETS_TABLE: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);

export const handler = createPartnerHandler({
  routes: [],
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry: telemetryOf('partner-api', settings),
  clock: systemClock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
