import { randomBytes } from 'node:crypto';
import type { SigningKey } from '../signature-v4.ts';
import type { Caller } from './service-call.ts';

/** What belongs to an access key id: the rest of the key, and whom it stands for. */
export type IssuedKey = SigningKey & { readonly caller: Caller };

/** Credentials that somebody signs with. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface TemporaryCredentials extends Credentials {
  readonly sessionToken: string;
}

/** Until then an expired key is told apart from one that never was. */
const REMEMBERED_MS = 60 * 60_000;

/** Credentials of a person or program. They are random, so that nobody can work them out, and last while the cloud does. */
export function lastingCredentials(): Credentials {
  return { accessKeyId: accessKeyId('AKIA'), secretAccessKey: randomBytes(30).toString('base64') };
}

/** Credentials of a role's session. */
export function temporaryCredentials(): TemporaryCredentials {
  return {
    accessKeyId: accessKeyId('ASIA'),
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: randomBytes(96).toString('base64'),
  };
}

const accessKeyId = (prefix: string): string => `${prefix}${randomBytes(8).toString('hex').toUpperCase()}`;

/** Every credential that this cloud has given out: the operator's, the functions', and those of assumed roles. */
export class IssuedCredentials {
  readonly #now: () => number;
  readonly #keys = new Map<string, IssuedKey & { readonly expiresAt: number }>();

  /** @param now epoch milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Notes whose credentials these are. @param expiresAt epoch milliseconds; without it they do not expire */
  issue(credentials: Credentials | TemporaryCredentials, caller: Caller, expiresAt = Infinity): void {
    const { accessKeyId: id, ...key } = credentials;
    const forgotten = this.#now() - REMEMBERED_MS;
    for (const [known, { expiresAt: end }] of this.#keys) if (end < forgotten) this.#keys.delete(known);
    this.#keys.set(id, { ...key, caller, expiresAt });
  }

  /** The key with this id, while it is valid. */
  find(id: string): IssuedKey | undefined {
    const found = this.#keys.get(id);
    if (!found || this.#now() >= found.expiresAt) return undefined;
    const { expiresAt: _, ...key } = found;
    return key;
  }

  /** Whether there was a key with this id. */
  hasExpired(id: string): boolean {
    const found = this.#keys.get(id);
    return found !== undefined && this.#now() >= found.expiresAt;
  }
}
