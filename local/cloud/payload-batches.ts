import { SYNCHRONOUS_PAYLOAD_BYTES } from './limits.ts';

const ENVELOPE_BYTES = Buffer.byteLength(JSON.stringify({ Records: [] }));

/**
 * How many of the first records an event source may hand over in one invocation: as many as make up a payload of at most
 * 6 MiB, and at least one. https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
 */
export function countWithinPayload(records: readonly unknown[], limitBytes = SYNCHRONOUS_PAYLOAD_BYTES): number {
  let bytes = ENVELOPE_BYTES;
  for (const [index, record] of records.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(record)) + (index === 0 ? 0 : 1);
    if (bytes > limitBytes) return Math.max(1, index);
  }
  return records.length;
}

/** Divides a batch, in order, into ones that each fit into an invocation. */
export function splitByPayload<T>(
  items: readonly T[],
  toRecord: (item: T) => unknown,
  limitBytes = SYNCHRONOUS_PAYLOAD_BYTES,
): T[][] {
  const batches: T[][] = [];
  for (let start = 0; start < items.length;) {
    const count = countWithinPayload(items.slice(start).map(toRecord), limitBytes);
    batches.push(items.slice(start, start + count));
    start += count;
  }
  return batches;
}
