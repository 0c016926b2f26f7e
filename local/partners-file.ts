import type { PartnerApiSettings } from '../lambdas/shared/settings.ts';
import { replaceFile } from './cloud/replace-file.ts';

/** What of the local cloud lets a partner in. */
export interface PartnerDoors {
  readonly region: string;
  /** Where each REST API is reached, the path of its stage included. */
  readonly restApis: ReadonlyMap<string, { readonly url: string }>;
  readonly resources: ReadonlyMap<string, { readonly arn?: string; readonly constructPath?: string }>;
  apiKeyValue(constructPathSuffix: string): string;
  assumeRole(
    role: string,
    options: { readonly accountId: string; readonly externalId: string; readonly sessionName: string },
  ): { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string };
}

/** All that a partner's client needs to call the API on this machine. */
export interface PartnerAccess {
  readonly url: string;
  readonly region: string;
  readonly roleArn: string;
  readonly externalId: string;
  readonly apiKey: string;
  /** Of a session of the partner's role. */
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
  };
  /** A player to fulfil entitlements for, where there is a simulated one. */
  readonly player?: PlayerAccess;
  /** A shopper to quote and order for, where there is a simulated one. */
  readonly shopper?: ShopperAccess;
}

/** A player, and the access token that the game would have of Login with Amazon: good for an hour. */
export interface PlayerAccess {
  readonly playerId: string;
  readonly token: string;
}

/** A shopper who is signed in, and the access token that the shop would have of Login with Amazon: good for an hour. */
export interface ShopperAccess {
  readonly token: string;
  readonly externalId: string;
}

/** Whom a partner serves: the example player and shopper, with new tokens each time. */
export interface Served {
  readonly player?: PlayerAccess | undefined;
  readonly shopper?: ShopperAccess | undefined;
}
export type ServedBy = (partner: string) => Served;

/**
 * Assumes the role of each partner, as its account would.
 *
 * @throws Error where the template lacks something of a partner, or refuses it its role
 */
export function partnerAccess(
  cloud: PartnerDoors,
  { partners }: Pick<PartnerApiSettings, 'partners'>,
  servedBy: ServedBy = () => ({}),
): Record<string, PartnerAccess> {
  return Object.fromEntries(
    Object.entries(partners).map(([name, { accountId, externalId }]) => {
      const [api] = cloud.restApis.values();
      if (api === undefined) throw new Error(`The template has no REST API for the partner ${name}.`);
      const roleArn = roleOf(cloud, name);
      const session = cloud.assumeRole(roleArn, { accountId, externalId, sessionName: name });
      const { accessKeyId, secretAccessKey, sessionToken } = session;
      const credentials = { accessKeyId, secretAccessKey, sessionToken };
      const apiKey = cloud.apiKeyValue(`${placeOf(name)}/ApiKey`);
      const { player, shopper } = servedBy(name);
      const access = { url: api.url, region: cloud.region, roleArn, externalId, apiKey, credentials };
      return [name, { ...access, ...(player && { player }), ...(shopper && { shopper }) }];
    }),
  );
}

/** Sessions last for an hour, and so do the tokens of players and shoppers. */
const RENEWAL_MS = 30 * 60_000;

/**
 * Keeps what partners need in a file that only its owner can read, and renews it before the credentials expire.
 *
 * @param onTrouble hears why a renewal failed; the next one tries again
 * @returns how to end that
 * @throws Error as {@link partnerAccess} does, the first time
 */
export function keepPartnersFile(
  file: string,
  cloud: PartnerDoors,
  settings: Pick<PartnerApiSettings, 'partners'>,
  onTrouble: (text: string) => void,
  servedBy?: ServedBy,
): () => void {
  const write = (): void =>
    replaceFile(file, `${JSON.stringify(partnerAccess(cloud, settings, servedBy), null, 2)}\n`, 0o600);
  write();
  const renewal = setInterval(() => {
    try {
      write();
    } catch (error) {
      onTrouble(`The credentials in ${file} could not be renewed: ${(error as Error).message}`);
    }
  }, RENEWAL_MS).unref();
  return () => clearInterval(renewal);
}

/** Where the stack defines what belongs to a partner. */
const placeOf = (name: string): string => `Partner-${name}`;

function roleOf({ resources }: PartnerDoors, name: string): string {
  const place = `/${placeOf(name)}/Role`;
  const role = [...resources.values()].find(({ constructPath = '' }) =>
    constructPath.replace(/\/Resource$/, '').endsWith(place),
  );
  if (role?.arn === undefined) throw new Error(`The template has no role for the partner ${name}.`);
  return role.arn;
}
