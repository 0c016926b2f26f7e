import type { Clock } from '../shared/clock.ts';
import { CredentialError } from '../shared/errors.ts';
import { ApiError } from '../shared/partner-api/api-error.ts';
import type { CallingPartner, IdentifyPartner } from '../shared/partner-api/partners.ts';
import { bodyOf, decodedPath, headerOf } from '../shared/partner-api/proxy-event.ts';
import type { PartnerApiSettings } from '../shared/settings.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import { isSignedWebhook } from '../shared/webhooks/standard-webhooks.ts';
import type { EntitlementsSecret } from './entitlements-secret.ts';

export interface PushIdentifierParts {
  readonly settings: Pick<PartnerApiSettings, 'partners'>;
  /** The secret of a partner that has `push`. It throws CredentialError. */
  readonly secretOf: (partner: CallingPartner) => Promise<EntitlementsSecret>;
  /** Counts `PushesRefused`. */
  readonly telemetry: Pick<Telemetry, 'count'>;
  readonly clock: Clock;
}

/**
 * Says which partner's players a call of Amazon is about, which nobody has let in before: the partner of the path, whose key
 * has to have signed the call within five minutes of now.
 *
 * @returns what throws ApiError NOT_FOUND where there is no such partner or it takes no pushes, and PUSH_SIGNATURE_REFUSED
 */
export function createPushIdentifier({ settings, secretOf, telemetry, clock }: PushIdentifierParts): IdentifyPartner {
  const taking = new Map(
    Object.entries(settings.partners)
      .filter(([, { entitlements }]) => entitlements.push)
      .map(([name, partner]) => [name, { ...partner, name }]),
  );
  return async (event) => {
    const partner = taking.get(decodedPath(event)['partner'] ?? '');
    if (partner === undefined) throw new ApiError('NOT_FOUND', 'There is no such partner here.');
    const { pushKey } = await secretOf(partner);
    if (pushKey === undefined) {
      throw new CredentialError('SecretMalformed', `the secret of partner ${partner.name} lacks its pushKey`);
    }
    const headers = {
      id: headerOf(event, 'webhook-id'),
      timestamp: headerOf(event, 'webhook-timestamp'),
      signature: headerOf(event, 'webhook-signature'),
    };
    if (!isSignedWebhook(headers, bodyOf(event), pushKey, clock.now())) {
      telemetry.count('PushesRefused', 1);
      throw new ApiError('PUSH_SIGNATURE_REFUSED');
    }
    return partner;
  };
}
