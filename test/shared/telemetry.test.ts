import { afterEach, describe, expect, it, vi } from 'vitest';
import { CredentialError } from '../../lambdas/shared/errors.ts';
import { telemetryOf } from '../../lambdas/shared/telemetry.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

function recorded() {
  const lines: string[] = [];
  const telemetry = telemetryOf('offer-status', { stage: 'test' }, (line) => lines.push(line));
  return { telemetry, lines, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('telemetry', () => {
  it('writes an invocation’s metrics as one line of the embedded metric format', () => {
    const { telemetry, lines, records } = recorded();
    telemetry.count('RequestsSent', 2);
    telemetry.count('RequestsSent', 3);
    telemetry.seconds('OldestUnpublishedSeconds', 12.5);
    telemetry.flush();
    expect(lines).toEqual([expect.stringMatching(/^\{[^\n]*\}\n$/)]);
    expect(records()[0]).toEqual({
      _aws: {
        Timestamp: expect.any(Number) as unknown,
        CloudWatchMetrics: [
          {
            Namespace: 'OfferRelay',
            Dimensions: [['service', 'stage']],
            Metrics: [
              { Name: 'RequestsSent', Unit: 'Count' },
              { Name: 'OldestUnpublishedSeconds', Unit: 'Seconds' },
            ],
          },
        ],
      },
      service: 'offer-status',
      stage: 'test',
      RequestsSent: 5,
      OldestUnpublishedSeconds: 12.5,
    });
  });

  it('starts over with each invocation, and writes nothing where nothing was counted', () => {
    const { telemetry, lines, records } = recorded();
    telemetry.flush();
    telemetry.count('Throttled', 1);
    telemetry.flush();
    telemetry.count('Throttled', 1);
    telemetry.flush();
    telemetry.flush();
    expect(lines).toHaveLength(2);
    expect(records().map((record) => record['Throttled'])).toEqual([1, 1]);
  });

  it('logs one object that Lambda makes a line of, and of an error only what is known to be harmless', () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
    const error = Object.assign(new CredentialError('Refused', 'the key is refused'), { apiKey: 'hidden' });
    recorded().telemetry.warn('no luck', { error, slice: 's1' });
    expect(warn.mock.calls).toEqual([
      [
        {
          service: 'offer-status',
          message: 'no luck',
          slice: 's1',
          error: { name: 'CredentialError', message: 'the key is refused', stack: expect.any(String) as unknown },
        },
      ],
    ]);
  });
});
