import type { Clock } from '../shared/clock.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import type { EntitlementRow } from './entitlement.ts';
import type { EntitlementStore } from './entitlements.store.ts';
import { isQueued, type GrantQueue } from './grant-queue.ts';

export interface SweepParts {
  readonly store: Pick<EntitlementStore, 'openEntitlements' | 'markStuck'>;
  readonly grants: GrantQueue;
  readonly telemetry: Pick<Telemetry, 'count' | 'seconds' | 'info'>;
  readonly clock: Clock;
  /** Age from which what is granted and not reported counts as stuck. */
  readonly stuckAfterSeconds: number;
}

export interface SweepOptions {
  readonly correlationId: string;
  /** When the function ends, epoch milliseconds. */
  readonly functionDeadline: number;
}

/** Most entitlements of each status and shard that one sweep looks at: the longest in it come first. */
const LIMIT = 500;
/** Writes under way at once. */
const LANES = 8;

/**
 * Looks at every entitlement that is not done: has resumed what a dead request holds, notes once what nobody has reported for
 * long, and measures ages. It has no player's token, so it can neither ask Amazon nor report.
 */
export async function sweepEntitlements(
  { store, grants, telemetry, clock, stuckAfterSeconds }: SweepParts,
  { correlationId, functionDeadline }: SweepOptions,
): Promise<void> {
  const now = clock.now();
  const [claimed, granted] = await Promise.all([
    store.openEntitlements('CLAIMED', LIMIT),
    store.openEntitlements('GRANTED', LIMIT),
  ]);

  const left = claimed.filter(
    // What has been given up waits for an operator; it is in the index no more, which lags a little.
    (row) => row.lease <= now && row.stuck === undefined && !isQueued(row, now),
  );
  await grants.send(
    left.map(({ partner, entitlementId }) => ({ partner, entitlementId })),
    0,
  );

  const writing = { until: functionDeadline - 2_000, correlationId };
  const unreported = granted.filter(({ since }) => now - since >= stuckAfterSeconds * 1_000);
  let stuck = 0;
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let row = unreported.shift(); row && clock.now() < writing.until; row = unreported.shift()) {
        if (await store.markStuck(row, 'NOT_REPORTED', writing)) stuck += 1;
      }
    }),
  );

  const oldest = (rows: readonly EntitlementRow[]): number =>
    rows.reduce((age, { since }) => Math.max(age, (now - since) / 1_000), 0);
  const open = claimed.length + granted.length;
  telemetry.count('OpenEntitlements', open);
  telemetry.count('EntitlementsStuck', stuck);
  telemetry.seconds('OldestClaimedSeconds', oldest(claimed));
  telemetry.seconds('OldestUnreportedSeconds', oldest(granted));
  telemetry.info('sweep', { open, resumed: left.length, stuck });
}
