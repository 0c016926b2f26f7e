import * as z from 'zod/mini';
import { systemClock } from '../shared/clock.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → reads status and history of titles, and keeps their watch list. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  WATCHES_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  SLICES_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);

export const handler = createPartnerHandler({
  routes: [],
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry: telemetryOf('titles', settings),
  clock: systemClock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
