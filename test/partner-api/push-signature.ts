import { createHmac, timingSafeEqual } from 'node:crypto';
import type { GeneratedRequest } from './request-generator.ts';

/** Standard Webhooks, written after its specification: it shares no code with the functions. */

/** Seconds that a call may be old, or early. */
const TOLERANCE = 300;
const PREFIX = 'whsec_';
/** Of somebody whom nobody knows. */
const KEY_OF_A_STRANGER = `${PREFIX}${Buffer.from('the key of a stranger, 32 bytes!').toString('base64')}`;

type Headers = Readonly<Record<string, string>>;

/** What is wrong with the signature of a call. */
export type Forgery =
  | 'another key'
  | 'another body'
  | 'another id'
  | 'another version'
  | 'too old'
  | 'too early'
  | { readonly header: string; readonly value: string | undefined };

/**
 * The three headers of a call.
 *
 * @param key `whsec_` and the key in base64
 * @param at epoch milliseconds
 */
export function webhookHeaders(key: string, id: string, at: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const signature = signatureOf(key, id, timestamp, body).toString('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

/** Whether one of the signatures is right, and the call neither old nor early. */
export function isSignedBy(key: string, headers: Headers, body: string, now: number): boolean {
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '', 'webhook-signature': signatures = '' } = headers;
  if (id === '' || !/^\d{1,12}$/.test(timestamp) || Math.abs(now / 1000 - Number(timestamp)) > TOLERANCE) return false;
  const expected = signatureOf(key, id, timestamp, body);
  return signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature.startsWith('v1,') ? signature.slice(3) : '', 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

function signatureOf(key: string, id: string, timestamp: string, body: string): Buffer {
  const bytes = Buffer.from(key.slice(PREFIX.length), 'base64');
  return createHmac('sha256', bytes).update(`${id}.${timestamp}.${body}`).digest();
}

/**
 * The request as it is sent now: a call of the push integration is signed by the key of its partner, or forged as it asks
 * for. Others are signed by whoever sends them.
 *
 * @param keys by partner
 * @returns whether the signature of a call is right; undefined for other requests
 */
export function signPush(
  request: GeneratedRequest,
  keys: Readonly<Record<string, string>>,
  now: number,
): { readonly request: GeneratedRequest; readonly isSigned: boolean | undefined } {
  const { operation, headers, pathParameters, forgery, body = '' } = request;
  if (operation.capability !== 'push') return { request, isSigned: undefined };
  const own = keyOf(pathParameters['partner'] ?? '', keys);
  const key = forgery === 'another key' ? undefined : own;
  const seconds = forgery === 'too old' ? -TOLERANCE - 60 : forgery === 'too early' ? TOLERANCE + 60 : 0;
  const id = headers['webhook-id'] ?? 'msg_1';
  const signed: Record<string, string> = {
    ...headers,
    ...webhookHeaders(
      key ?? KEY_OF_A_STRANGER,
      id,
      now + seconds * 1000,
      forgery === 'another body' ? `${body} ` : body,
    ),
  };
  if (forgery === 'another id') signed['webhook-id'] = `${id.slice(0, 255)}x`;
  if (forgery === 'another version') signed['webhook-signature'] = signed['webhook-signature']!.replace('v1,', 'v1a,');
  if (typeof forgery === 'object') {
    delete signed[forgery.header];
    if (forgery.value !== undefined) signed[forgery.header] = forgery.value;
  }
  return { request: { ...request, headers: signed }, isSigned: own !== undefined && forgery === undefined };
}

/** Of a partner as it stands in the path; broken encodings are nobody's. */
function keyOf(partner: string, keys: Readonly<Record<string, string>>): string | undefined {
  try {
    const name = decodeURIComponent(partner);
    return Object.hasOwn(keys, name) ? keys[name] : undefined;
  } catch {
    return undefined;
  }
}
