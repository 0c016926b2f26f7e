import type { APIGatewayProxyEvent } from 'aws-lambda';
import type { Partner as PartnerSettings, PartnerApiSettings } from '../settings.ts';
import { ApiError } from './api-error.ts';

/** The partner that a request comes from. */
export interface CallingPartner extends PartnerSettings {
  readonly name: string;
}

/** Says whom a request comes from, or for whom. It throws ApiError where that is nobody, or is not proved. */
export type IdentifyPartner = (event: APIGatewayProxyEvent) => CallingPartner | Promise<CallingPartner>;

/**
 * Says whose role signed a request, and that its API key belongs to the same partner.
 *
 * API Gateway has checked that the request is signed by some role that may call the route, and that its key is some key of
 * the plan. That both are one partner's is checked here.
 *
 * @param bindings `<partner>=<role id>/<API key id>` for each partner, separated by spaces: what the stack knows
 * @throws RangeError for bindings that are malformed
 */
export function partnerIdentifier(bindings: string, { partners }: PartnerApiSettings) {
  const byRole = new Map<string, { partner: CallingPartner; keyId: string }>();
  for (const binding of bindings.split(' ').filter((text) => text !== '')) {
    const [, name = '', roleId = '', keyId = ''] = /^([^=]+)=([^/]+)\/(.+)$/u.exec(binding) ?? [];
    if (name === '') throw new RangeError(`PARTNERS has the malformed part ${binding}`);
    // While a stage is being deployed, a function may know a partner from its variables before it does from its settings:
    // the other partners must not suffer from that.
    const settings = Object.hasOwn(partners, name) ? partners[name] : undefined;
    if (settings !== undefined) byRole.set(roleId, { partner: { ...settings, name }, keyId });
  }
  return ({ requestContext: { identity } }: Pick<APIGatewayProxyEvent, 'requestContext'>): CallingPartner => {
    const { caller, apiKeyId } = identity;
    // An assumed role's caller is <role id>:<session name>.
    const bound = byRole.get(caller?.split(':')[0] ?? '');
    if (bound === undefined) throw new ApiError('NOT_A_PARTNER');
    if (bound.keyId !== apiKeyId) throw new ApiError('API_KEY_OF_ANOTHER');
    return bound.partner;
  };
}
