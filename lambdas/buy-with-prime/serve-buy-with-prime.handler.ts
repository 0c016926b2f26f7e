import * as z from 'zod/mini';
import { systemClock as clock } from '../shared/clock.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → quotes and orders with Buy with Prime. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  REQUESTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  HASH_KEY_SECRET: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);

export const handler = createPartnerHandler({
  routes: [],
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry: telemetryOf('buy-with-prime', settings),
  clock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
