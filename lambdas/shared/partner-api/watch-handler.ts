import { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import { systemClock as clock } from '../clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../database.ts';
import type { RuntimeSettings } from '../settings.ts';
import { SlicesQueue } from '../slices-queue.ts';
import { telemetryOf } from '../telemetry.ts';
import { WatchStore } from '../watches.store.ts';
import { partnerIdentifier } from './partners.ts';
import { createPartnerHandler, type ServedRoute } from './serve.ts';
import { type ServedKind, ServedWatches } from './served-watches.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** What a function that serves watches of one kind has to be told. */
export const WatchHandlerEnvironment = z.object({
  PARTNERS: nonEmpty,
  WATCHES_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  SLICES_QUEUE_URL: nonEmpty,
});
export type WatchHandlerEnvironment = z.infer<typeof WatchHandlerEnvironment>;

export interface WatchHandlerParts<Watch extends object, State> {
  readonly environment: WatchHandlerEnvironment;
  readonly settings: RuntimeSettings;
  /** Whose metrics these are, such as `titles`. */
  readonly service: string;
  readonly kind: ServedKind<Watch>;
  /** The room's routes, with what it needs besides the watches. */
  readonly routes: (given: {
    readonly watches: ServedWatches<Watch, State>;
    readonly database: DynamoDBDocumentClient;
    readonly onUnreadable: (row: string) => void;
  }) => readonly ServedRoute[];
}

/** A function of the partner API that serves the watches of one kind: everything of it that is not the room's own. */
export function createWatchHandler<Watch extends object, State>(parts: WatchHandlerParts<Watch, State>) {
  const { environment, settings, service, kind, routes } = parts;
  const telemetry = telemetryOf(service, settings);
  const database = connectDatabase();
  const onUnreadable = (row: string): void => telemetry.warn('a row cannot be read', { row });
  const watches = new ServedWatches<Watch, State>({
    kind,
    watches: new WatchStore<State>(database, environment.WATCHES_TABLE, clock),
    slices: new SlicesQueue(new SQSClient(SERVICE_TIMEOUTS), environment.SLICES_QUEUE_URL),
    clock,
    onUnreadable,
  });
  return createPartnerHandler({
    routes: routes({ watches, database, onUnreadable }),
    identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
    telemetry,
    clock,
    corsOrigin: settings.partnerApi.corsOrigin,
  });
}
