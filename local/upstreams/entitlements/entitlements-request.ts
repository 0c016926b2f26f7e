import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod';
import type { FulfillmentUpdate } from './claim-ledger.ts';

/** `entitlements` and `fulfil` are Prime Gaming's, `profile` is Login with Amazon's. */
export type Operation = 'entitlements' | 'fulfil' | 'profile';

export const PROFILE_PATH = '/user/profile';

const ROUTES: Readonly<Record<string, Operation>> = {
  'GET /api/entitlements': 'entitlements',
  'POST /api/fulfill': 'fulfil',
  [`GET ${PROFILE_PATH}`]: 'profile',
};

/** The operation that a request line asks for; undefined is no such route. */
export function operationOf(method: string | undefined, requestTarget: string): Operation | undefined {
  const [path = ''] = requestTarget.split('?', 1);
  return ROUTES[`${method} ${path}`];
}

/**
 * Which instruction and which address are right is decided item by item; here it is only whether they are what the
 * document has: texts, and no field beside them.
 */
const Updates = z.strictObject({
  FulfillmentStatusUpdates: z
    .array(
      z.strictObject({
        EntitlementId: z.string().min(1),
        LastInstruction: z.string().optional(),
        FulfillmentAddress: z.string().optional(),
      }),
    )
    .min(1),
});

/** The items of a report, or what is wrong with the request. */
export function readUpdates(headers: IncomingHttpHeaders, body: Buffer): readonly FulfillmentUpdate[] | string {
  // The document's own example has a parameter that is none: only the media type counts.
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';', 1);
  if (mediaType.trim().toLowerCase() !== 'application/json') return 'The Content-Type must be application/json.';
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return 'The body is not JSON.';
  }
  const parsed = Updates.safeParse(json);
  return parsed.success ? parsed.data.FulfillmentStatusUpdates : z.prettifyError(parsed.error);
}
