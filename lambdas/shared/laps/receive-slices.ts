import type { Clock } from '../clock.ts';
import type { DeadLetterQueue } from '../dead-letters.ts';
import type { SlicesQueue } from '../slices-queue.ts';
import type { PackedBucket } from './packing.ts';
import type { Delivery, SliceOutcome } from './slice-runner.ts';
import { Slice } from './slice.ts';

/** A record of an SQS event, as far as it matters here. */
export interface SliceRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: { readonly ApproximateReceiveCount: string; readonly MessageGroupId?: string };
}

export interface ReceiveParts {
  readonly run: (slice: Slice, bucket: PackedBucket, delivery: Delivery) => Promise<SliceOutcome>;
  readonly bucket: (bucketId: string) => PackedBucket | undefined;
  readonly slices: Pick<SlicesQueue, 'hide'>;
  readonly deadLetters: Pick<DeadLetterQueue, 'refuse'>;
  readonly clock: Clock;
  readonly log: (message: string, details: Record<string, unknown>) => void;
}

/**
 * Runs the slices of an SQS event. A message that nobody could ever work off goes to the dead-letter queue at once, so
 * that it does not hold up its bucket; one that has to wait is hidden for as long and reported as failed.
 *
 * @param remainingMs time that the function has left
 * @returns identifiers of the messages that stay in the queue
 */
export async function receiveSlices(
  records: readonly SliceRecord[],
  parts: ReceiveParts,
  remainingMs: () => number,
): Promise<string[]> {
  const staying: string[] = [];
  for (const record of records) {
    const group = record.attributes.MessageGroupId ?? 'none';
    const slice = readSlice(record.body);
    if (typeof slice === 'string') {
      await parts.deadLetters.refuse(group, record.body, { code: 'UnreadableMessage', message: slice });
      continue;
    }
    const bucket = parts.bucket(slice.bucket);
    if (bucket === undefined) {
      const message = `the settings name no bucket ${slice.bucket}`;
      await parts.deadLetters.refuse(group, record.body, { code: 'UnknownBucket', message });
      continue;
    }
    const outcome = await parts.run(slice, bucket, {
      messageId: record.messageId,
      receives: Number(record.attributes.ApproximateReceiveCount),
      deadline: parts.clock.now() + remainingMs(),
    });
    if (outcome.kind === 'hide') {
      await parts.slices.hide(record.receiptHandle, outcome.seconds);
      staying.push(record.messageId);
    }
    // A receipt that only finds that it has to wait is not worth a line.
    if (outcome.kind === 'hide' && outcome.because === 'pace' && outcome.visits === undefined) continue;
    parts.log('slice', {
      correlationId: record.messageId,
      slice: slice.id,
      bucket: slice.bucket,
      watches: slice.watches.length,
      ...outcome,
    });
  }
  return staying;
}

/** The slice in a message's body, or why there is none. */
function readSlice(body: string): Slice | string {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return 'the body is not JSON';
  }
  const slice = Slice.safeParse(json);
  if (slice.success) return slice.data;
  return slice.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
}
