import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { systemClock } from '../shared/clock.ts';
import { connectDatabase } from '../shared/database.ts';
import { BucketStore } from '../shared/pacer/buckets.store.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { describeService } from './describe-service.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → tells the health of the stage and serves its OpenAPI document. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  BUCKETS_TABLE: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
// Shipped beside the settings, and as trustworthy.
const document = JSON.parse(readFileSync(new URL('./openapi.json', import.meta.url), 'utf8')) as Record<
  string,
  unknown
>;

export const handler = createPartnerHandler({
  routes: describeService({
    stage: settings.stage,
    buckets: new BucketStore(connectDatabase(), environment.BUCKETS_TABLE),
    document,
    clock: systemClock,
  }),
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry: telemetryOf('partner-api', settings),
  clock: systemClock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
