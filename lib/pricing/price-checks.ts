import type { Construct } from 'constructs';
import { pricingSecrets, type Settings } from '../../config/settings.ts';
import { PacedQueue } from '../shared/paced-queue.ts';
import type { WatchTables } from '../shared/watch-tables.ts';

export interface PriceChecksProps {
  readonly tables: WatchTables;
  readonly settings: Settings;
}

/** Asks SP-API Product Pricing about the prices on the watch list. */
export class PriceChecks extends PacedQueue {
  constructor(scope: Construct, id: string, { tables, settings }: PriceChecksProps) {
    super(scope, id, {
      room: 'pricing',
      planner: 'pricing/plan-checks',
      worker: 'pricing/check-prices',
      workerMemorySize: settings.workers.priceMemorySize,
      noun: 'price',
      upstream: 'SP-API Product Pricing',
      secrets: pricingSecrets(settings),
      tables,
      settings,
    });
  }
}
