import type { Construct } from 'constructs';
import { offerStatusSecrets, type Settings } from '../../config/settings.ts';
import { PacedQueue } from '../shared/paced-queue.ts';
import type { WatchTables } from '../shared/watch-tables.ts';

export interface TitleChecksProps {
  readonly tables: WatchTables;
  readonly settings: Settings;
}

/** Asks the Prime Video Offer Status API about the titles on the watch list. */
export class TitleChecks extends PacedQueue {
  constructor(scope: Construct, id: string, { tables, settings }: TitleChecksProps) {
    super(scope, id, {
      room: 'offer-status',
      planner: 'offer-status/plan-checks',
      worker: 'offer-status/check-titles',
      workerMemorySize: settings.workers.titleMemorySize,
      noun: 'title',
      upstream: 'the Offer Status API',
      secrets: offerStatusSecrets(settings),
      tables,
      settings,
    });
  }
}
