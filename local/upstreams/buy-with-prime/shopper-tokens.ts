import { randomBytes } from 'node:crypto';
import { ShopperOptions } from './buy-with-prime-options.ts';
import { invalid } from './refusals.ts';

/** A shopper as far as Amazon tells. */
export interface Shopper {
  readonly shopper: string;
  /** Of the address that Amazon has; undefined where it has none. */
  readonly postalCode: string | undefined;
}

interface IssuedToken extends Shopper {
  expiresAt: number;
}

const LONGEST_TOKEN = 2048;
const LONGEST_EXTERNAL_ID = 512;

/** Login with Amazon, once a shopper has signed in: access tokens that live for a while. They are kept in memory only. */
export class ShopperTokens {
  readonly #now: () => number;
  readonly #issued = new Map<string, IssuedToken>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  issue(options: ShopperOptions = {}): string {
    const wanted = ShopperOptions.parse(options);
    const { shopper, lifeMs, postalCode, token = `Atza|${randomBytes(270).toString('base64url')}` } = wanted;
    this.#issued.set(token, { shopper, postalCode, expiresAt: this.#now() + lifeMs });
    return token;
  }

  /** Ends every token of a shopper now; answers how many. */
  expire(shopper: string): number {
    const now = this.#now();
    const living = [...this.#issued.values()].filter((token) => token.shopper === shopper && token.expiresAt > now);
    for (const token of living) token.expiresAt = now;
    return living.length;
  }

  /**
   * Whose a token is.
   *
   * @param externalId the merchant's own identifier of the shopper's session
   * @throws Refusal for one that is invalid or has expired
   */
  identify(value: string, externalId: string | null | undefined): Shopper {
    if (value === '' || value.length > LONGEST_TOKEN) {
      throw invalid('The access token must have 1 to 2048 characters.', 'InvalidIdpToken');
    }
    if (externalId === '' || (externalId ?? '').length > LONGEST_EXTERNAL_ID) {
      throw invalid('The externalId must have 1 to 512 characters.');
    }
    const token = this.#issued.get(value);
    if (!token) throw invalid("The shopper's access token is invalid.", 'InvalidIdpToken');
    if (token.expiresAt <= this.#now()) throw invalid("The shopper's access token has expired.", 'ExpiredIdpToken');
    return token;
  }
}
