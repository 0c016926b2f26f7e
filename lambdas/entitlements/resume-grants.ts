import { randomUUID } from 'node:crypto';
import type { Clock } from '../shared/clock.ts';
import { UpstreamError } from '../shared/errors.ts';
import { LEASE_MARGIN_MS } from '../shared/idempotency/run-once.ts';
import type { DeadLetterReason } from '../shared/dead-letters.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import type { HeldEntitlement } from './entitlement.ts';
import type { EntitlementStore } from './entitlements.store.ts';
import { grantEntitlement, type GrantParts } from './grant-entitlement.ts';
import type { GrantMessage } from './grant-queue.ts';

export interface ResumeParts extends GrantParts {
  readonly store: Pick<EntitlementStore, 'read' | 'takeOver' | 'grant' | 'release' | 'markStuck'>;
  /** Puts the message aside, for an operator to look at and to redrive. */
  readonly giveUp: (message: GrantMessage, reason: DeadLetterReason) => Promise<void>;
  readonly telemetry: Pick<Telemetry, 'count' | 'warn'>;
  readonly clock: Clock;
  /** Tries before a grant is given up. */
  readonly grantAttempts: number;
}

export interface ResumeTry {
  readonly message: GrantMessage;
  readonly messageId: string;
  /** When the function ends, epoch milliseconds. */
  readonly functionDeadline: number;
}

/** What becomes of the message: it is done with, or comes again after a while. */
export type Resumed = { readonly kind: 'done' } | { readonly kind: 'again'; readonly inSeconds: number };

const DONE: Resumed = { kind: 'done' };
/** What is kept of the function's time for writing down what a webhook said. */
const RECORDING_MS = 8_000;
/** The longest pause between two tries, in seconds. */
const LONGEST_PAUSE_S = 900;

/** Pause before the next try of a grant: it doubles from half a minute up to a quarter of an hour. */
export function grantPauseSeconds(tries: number): number {
  return Math.min(LONGEST_PAUSE_S, 30 * 2 ** Math.min(tries - 1, 10));
}

/**
 * Grants what a request could not grant, or has left behind. The player is not needed for it: Amazon hears of it when the
 * player comes back.
 *
 * @throws what keeps the tables or queues from working: then the message comes again
 */
export async function resumeGrant(parts: ResumeParts, attempt: ResumeTry): Promise<Resumed> {
  const { store, clock, telemetry, grantAttempts } = parts;
  const { message, messageId, functionDeadline } = attempt;
  const row = await store.read(message.partner, message.entitlementId);
  if (row?.status !== 'CLAIMED') return DONE;
  const now = clock.now();
  if (now < row.lease) return { kind: 'again', inSeconds: Math.max(1, Math.ceil((row.lease - now) / 1_000)) };

  const lease = functionDeadline + LEASE_MARGIN_MS;
  const writing = { until: functionDeadline - 2_000, correlationId: messageId };
  const taken = await store.takeOver(row, { fence: randomUUID(), lease }, writing);
  // Somebody else has moved it on: what is left of it is looked at again.
  if (taken?.kind !== 'held') return taken === undefined ? DONE : { kind: 'again', inSeconds: 1 };
  const held = taken.row;
  const fail = async (reason: DeadLetterReason, isFinal: boolean): Promise<Resumed> => {
    // Only tries count, and not receipts that found the grant in other hands.
    const tries = (held.tries ?? 0) + 1;
    telemetry.count('GrantFailures', 1);
    telemetry.warn('a grant failed', { ...message, tries, code: reason.code, cause: reason.message });
    if (isFinal || tries >= grantAttempts) {
      await parts.giveUp(message, reason);
      await noteStuck(parts, held, reason.code, writing);
      return DONE;
    }
    const inSeconds = grantPauseSeconds(tries);
    await store.release(held, { nextTryAt: clock.now() + inSeconds * 1_000, tries }, writing);
    return { kind: 'again', inSeconds };
  };

  let granted;
  try {
    granted = await grantEntitlement(parts, held, { ...writing, deadline: functionDeadline - RECORDING_MS });
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return fail({ code: 'GRANTER_UNAVAILABLE', message: `${error.code}: ${error.message}` }, false);
  }
  if (granted.kind === 'refused') {
    return fail({ code: 'GRANTER_REFUSED', message: "the game's backend refuses the grant" }, true);
  }
  if (granted.kind === 'granted') {
    telemetry.count('GrantsResumed', 1);
    telemetry.count('EntitlementsGranted', 1);
  }
  return DONE;
}

async function noteStuck(
  { store, telemetry }: ResumeParts,
  held: HeldEntitlement,
  reason: string,
  writing: { readonly until: number; readonly correlationId: string },
): Promise<void> {
  telemetry.count('GrantsDeadLettered', 1);
  if (await store.markStuck(held, reason, writing)) telemetry.count('EntitlementsStuck', 1);
  else await store.release(held, undefined, writing);
}
