import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { isServiceFailure } from '../../lambdas/shared/service-failure.ts';
import { transact } from '../../lambdas/shared/transact.ts';
import { LeapingClock } from './virtual-clock.ts';

const cancelled = (...codes: readonly string[]) =>
  new TransactionCanceledException({
    message: 'Transaction cancelled',
    $metadata: { httpStatusCode: 400 },
    CancellationReasons: codes.map((Code) => ({ Code })),
  });

describe('a cancelled transaction', () => {
  it.each(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])(
    'is a passing failure where nothing but %s stood in its way',
    (code) => {
      expect(isServiceFailure(cancelled('None', code))).toBe(true);
    },
  );

  it('is none where a condition failed as well, or something is wrong with it', () => {
    expect(isServiceFailure(cancelled('ConditionalCheckFailed', 'TransactionConflict'))).toBe(false);
    expect(isServiceFailure(cancelled('ValidationError', 'None'))).toBe(false);
    expect(isServiceFailure(cancelled())).toBe(false);
  });

  it('is one still when the time for repeating it is over', async () => {
    const clock = new LeapingClock();
    const client = { send: () => Promise.reject(cancelled('TransactionConflict')) };
    const failure = await transact(client as never, [], { until: clock.now() + 1_000, clock }).catch(
      (error: unknown) => error,
    );
    expect(isServiceFailure(failure)).toBe(true);
  });
});
