import { createHash, randomBytes } from 'node:crypto';

/** What a receipt handle says to the queue that gave it. */
export interface Receipt {
  messageId: string;
  /** When the message was received, epoch milliseconds. */
  receivedAt: number;
}

const CHECK_BYTES = 8;

/** A new handle for one receipt of a message from a queue. */
export function receiptHandle(queueArn: string, { messageId, receivedAt }: Receipt): string {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(receivedAt));
  const content = Buffer.concat([Buffer.from(messageId.replaceAll('-', ''), 'hex'), time, randomBytes(16)]);
  return Buffer.concat([content, check(queueArn, content)]).toString('base64');
}

/** Reads a handle back. Nothing, where this queue has given no such handle. */
export function readReceiptHandle(queueArn: string, handle: unknown): Receipt | undefined {
  if (typeof handle !== 'string') return undefined;
  const bytes = Buffer.from(handle, 'base64');
  if (bytes.length !== 16 + 8 + 16 + CHECK_BYTES || bytes.toString('base64') !== handle) return undefined;
  const content = bytes.subarray(0, -CHECK_BYTES);
  if (!check(queueArn, content).equals(bytes.subarray(-CHECK_BYTES))) return undefined;
  const hex = content.toString('hex', 0, 16);
  return {
    messageId: [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-'),
    receivedAt: Number(content.readBigUInt64BE(16)),
  };
}

function check(queueArn: string, content: Buffer): Buffer {
  return createHash('sha256').update(queueArn).update(content).digest().subarray(0, CHECK_BYTES);
}
