import { createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod/mini';

/** A call as it is signed (Standard Webhooks 1.0.0, "Signature scheme"). */
export interface WebhookCall {
  /** The same for every repetition. No secret, and free of full stops where somebody else may choose it. */
  readonly id: string;
  /** The very bytes that are sent. */
  readonly body: string | Buffer;
}

/** The values of the headers of a call that has come. */
export interface WebhookHeaders {
  readonly id: string | undefined;
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
}

/** A call may be this much older, or younger, than the clock here says: five minutes. */
const TOLERANCE_SECONDS = 300;

/**
 * The keys of one side of a webhook, as a secret holds them: one, or several separated by spaces, of which the first is the
 * new one while a key is being replaced. All of them sign, and any of them lets in.
 */
export const WebhookKeys = z.pipe(
  z.string(),
  z.transform((text, { issues }): readonly Buffer[] => {
    const keys = text.split(' ').map(bytesOf);
    if (keys.every((key) => key !== undefined)) return keys;
    const message = 'expected whsec_ and the base64 of 24 to 64 bytes, or several such keys separated by spaces';
    // What was given is no part of the complaint.
    issues.push({ code: 'custom', message, input: undefined });
    return z.NEVER;
  }),
);

/**
 * Signs a call.
 *
 * @param now epoch milliseconds; the signature is good for five minutes
 * @returns the three headers of the specification
 */
export function signWebhook(
  { id, body }: WebhookCall,
  keys: readonly Buffer[],
  now: number,
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const timestamp = String(Math.floor(now / 1_000));
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': keys.map((key) => signature(key, id, timestamp, body)).join(' '),
  };
}

/**
 * Whether a call is signed by one of the keys, within five minutes of now. Of several signatures one has to be right;
 * those of other versions, such as `v1a`, are passed over.
 *
 * @param now epoch milliseconds
 */
export function isSignedWebhook(
  { id = '', timestamp = '', signature: given = '' }: WebhookHeaders,
  body: Buffer,
  keys: readonly Buffer[],
  now: number,
): boolean {
  // Seconds, and nothing that a number could be made of besides: what is signed is the text.
  if (id === '' || !/^\d{1,12}$/u.test(timestamp)) return false;
  if (Math.abs(Math.floor(now / 1_000) - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const right = keys.map((key) => Buffer.from(signature(key, id, timestamp, body)));
  return given.split(' ').some((one) => right.some((known) => equal(known, Buffer.from(one))));
}

function signature(key: Buffer, id: string, timestamp: string, body: string | Buffer): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

/** In a time that does not tell how much of it is right. */
function equal(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The bytes of a key ("Secret serialization"): `whsec_` and the base64 of 24 to 64 of them. */
function bytesOf(key: string): Buffer | undefined {
  const [, text = ''] = /^whsec_(.+)$/u.exec(key) ?? [];
  const bytes = Buffer.from(text, 'base64');
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === text ? bytes : undefined;
}
