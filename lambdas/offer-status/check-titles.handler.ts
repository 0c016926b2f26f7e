import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as z from 'zod/mini';
import { ChangeStore } from '../change-events/changes.store.ts';
import { systemClock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { DeadLetterQueue } from '../shared/dead-letters.ts';
import { receiveSlices } from '../shared/laps/receive-slices.ts';
import { SliceRunner } from '../shared/laps/slice-runner.ts';
import { BucketStore } from '../shared/pacer/buckets.store.ts';
import { Pacer } from '../shared/pacer/pacer.ts';
import { fullJitter } from '../shared/retry.ts';
import { createSecretReader } from '../shared/secrets.ts';
import { shippedSettings } from '../shared/settings.ts';
import { SlicesQueue } from '../shared/slices-queue.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { WatchStore } from '../shared/watches.store.ts';
import { accountClients } from './account-clients.ts';
import { titleChecks } from './check-titles.ts';
import type { Offers } from './offers.ts';
import { createOfferStatusClient, OfferStatusCredentials } from './offer-status.client.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Slices queue → polls the slice's titles at the Offer Status API and records what changed. */
export const Environment = z.object({
  WATCHES_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  BUCKETS_TABLE: nonEmpty,
  SLICES_QUEUE_URL: nonEmpty,
  DEAD_LETTER_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('offer-status', settings);
const clock = systemClock;
const database = connectDatabase();
const sqs = new SQSClient(SERVICE_TIMEOUTS);
const watches = new WatchStore<Offers>(database, environment.WATCHES_TABLE, clock);
const changes = new ChangeStore(database, { watches: environment.WATCHES_TABLE, history: environment.HISTORY_TABLE });
const slices = new SlicesQueue(sqs, environment.SLICES_QUEUE_URL);
const deadLetters = new DeadLetterQueue(sqs, environment.DEAD_LETTER_QUEUE_URL);
const secrets = createSecretReader(new SecretsManagerClient(SERVICE_TIMEOUTS), clock, OfferStatusCredentials);
const accounts = accountClients(settings, secrets, clock, createOfferStatusClient);
const { retry, timeoutMs } = settings.offerStatus;
/** Each surprise is logged once per environment and counted each time. */
const driftSeen = new Set<string>();
const runner = new SliceRunner(
  {
    pacer: new Pacer(new BucketStore(database, environment.BUCKETS_TABLE), clock),
    watches,
    slices,
    deadLetters,
    clock,
    attempts: settings.polling.attempts,
    pause: () => fullJitter(1, retry, Math.random),
    count: telemetry.count,
    warn: telemetry.warn,
  },
  titleChecks(
    {
      ...accounts,
      heads: (ids) => watches.heads(ids),
      record: (change) => changes.record(change),
      clock,
      pause: (attempt) => fullJitter(attempt, { attempts: 1, baseMs: 20, capMs: 1_000 }, Math.random),
      onDrift: (watchId, drift) => {
        telemetry.count('SchemaDrift', drift.length);
        const fresh = drift.filter((surprise) => !driftSeen.has(surprise));
        for (const surprise of fresh) driftSeen.add(surprise);
        if (fresh.length > 0) telemetry.warn('answers hold what the document does not know', { watchId, drift: fresh });
      },
    },
    // A repeat of what never left may begin as late as one time-out after the first try.
    2 * timeoutMs,
  ),
);

export const handler = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  try {
    const staying = await receiveSlices(
      event.Records,
      {
        run: (slice, bucket, delivery) => runner.run(slice, bucket, delivery),
        bucket: accounts.bucket,
        slices,
        deadLetters,
        clock,
        log: (message, details) => telemetry.info(message, details),
      },
      () => context.getRemainingTimeInMillis(),
    );
    return { batchItemFailures: staying.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    telemetry.flush();
  }
};
