import * as z from 'zod/mini';
import { parseJson } from '../shared/answer-text.ts';
import type { Clock } from '../shared/clock.ts';
import { CredentialError, ThrottledError, UnavailableError } from '../shared/errors.ts';
import { connectTrusting, type HttpAnswer } from '../shared/http.ts';
import type { GranterSettings } from '../shared/settings.ts';
import { signRequest } from '../shared/sigv4/request-signer.ts';
import type { CredentialSource } from '../shared/sigv4/signing-credentials.ts';
import { signWebhook } from '../shared/webhooks/standard-webhooks.ts';
import type { GivenItem, HeldEntitlement } from './entitlement.ts';
import type { EntitlementsSecret } from './entitlements-secret.ts';
import type { Granter } from './granter.ts';

type WebhookSettings = Extract<GranterSettings, { kind: 'webhook' }>;

export interface WebhookGranterOptions {
  readonly settings: Pick<WebhookSettings, 'url' | 'signature' | 'timeoutMs'>;
  /**
   * The partner's secret, with the key and the authority to trust. Asked at each call of a webhook that is signed by HMAC;
   * never for SigV4, whose servers are AWS's, with certificates that everybody trusts.
   */
  readonly secret: () => Promise<EntitlementsSecret>;
  /** Of the function, for a webhook that is signed by SigV4. */
  readonly credentials: Pick<CredentialSource, 'current'>;
  readonly clock: Clock;
}

/** No call begins with less time than this left: it could only be cut off. */
const LEAST_CALL_MS = 250;
/** 4xx that are no refusal of the grant: it may be had later. */
const PASSING = [408, 409, 425];

/**
 * Has the game's own backend give the items: one POST for each try.
 *
 * All tries of one grant have the same body, byte for byte, and the same `Idempotency-Key`: the backend gives the items once,
 * and answers each repetition like the first try. So the body holds nothing that changes while a grant is tried, not even
 * the entitlement: where that is revoked, another one of the same SKU inherits the grant.
 *
 * 2xx is given; `{"items": [{"itemId", "granted": false}]}` may name items that the player had before. Any other 4xx than
 * 401, 403, 408, 409, 425 and 429 is a refusal for good. The granter throws CredentialError (401, 403: the signature is not
 * accepted; and what the secret lacks), ThrottledError (429) and UnavailableError (everything else).
 */
export function createWebhookGranter({ settings, secret, credentials, clock }: WebhookGranterOptions): Granter {
  const url = new URL(settings.url);
  const { signature } = settings;
  const connect = connectTrusting(signature.kind === 'hmac' ? secret : () => Promise.resolve({}));

  const signed = async (id: string, body: string): Promise<Readonly<Record<string, string>>> => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': id, 'webhook-id': id };
    const now = clock.now();
    if (signature.kind === 'hmac') {
      const { webhookKey } = await secret();
      if (webhookKey === undefined) {
        throw new CredentialError('SecretMalformed', `the secret of the webhook at ${url.host} lacks its webhookKey`);
      }
      return { ...headers, ...signWebhook({ id, body }, webhookKey, now) };
    }
    return signRequest({ method: 'POST', url, headers, body, now }, signature, await credentials.current());
  };

  return async (entitlement, _, deadline) => {
    const send = await connect();
    const body = bodyOf(entitlement);
    const headers = await signed(entitlement.grantId, body);
    const left = deadline - clock.now();
    if (left < LEAST_CALL_MS) {
      throw new UnavailableError('NoTimeLeft', `no time was left to call ${url.host}`, { unsent: true });
    }
    const answer = await send({
      method: 'POST',
      url,
      headers: { ...headers, accept: 'application/json' },
      body,
      timeoutMs: Math.min(settings.timeoutMs, left),
    });
    return isGiven(answer, url.host)
      ? { kind: 'given', given: givenItems(entitlement, answer), writes: [] }
      : { kind: 'refused' };
  };
}

/** Fields and their order are written out: rows come back with theirs in any order. */
function bodyOf({ grantId, partner, playerId, sku, items }: HeldEntitlement): string {
  return JSON.stringify({
    grantId,
    partner,
    playerId,
    sku,
    items: items.map(({ itemId, quantity, kind }) => ({ itemId, quantity, kind })),
  });
}

/** @returns false where the grant is refused for good */
function isGiven({ status }: HttpAnswer, host: string): boolean {
  if (status >= 200 && status <= 299) return true;
  const message = `${host} answered ${status} to a grant`;
  if (status === 401 || status === 403) throw new CredentialError('SignatureRefused', message, { status });
  if (status === 429) throw new ThrottledError(message, { status });
  if (status >= 400 && status <= 499 && !PASSING.includes(status)) return false;
  throw new UnavailableError(status < 400 ? 'Redirected' : 'ServerError', message, { status });
}

const Answer = z.object({ items: z.array(z.unknown()) });
const NotGranted = z.object({ itemId: z.string(), granted: z.literal(false) });

/** Everything is given but what the answer plainly says was not; an answer that says nothing readable says just that. */
function givenItems({ items }: HeldEntitlement, { body }: HttpAnswer): GivenItem[] {
  const said = Answer.safeParse(parseJson(body)).data?.items ?? [];
  const had = new Set(said.map((one) => NotGranted.safeParse(one).data?.itemId));
  return items.map((item) => ({ ...item, granted: !had.has(item.itemId) }));
}
