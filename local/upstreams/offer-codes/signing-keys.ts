import { randomBytes } from 'node:crypto';
import type { SigningKey } from '../../signature-v4.ts';

/** What a client signs with. */
export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Only temporary credentials have one. */
  readonly sessionToken?: string;
}

export type FindSigningKey = (accessKeyId: string) => SigningKey | undefined;

/** Whose signatures count: those of one client that is always let in, and of others that somebody vouches for. */
export class SigningKeys {
  readonly own: SigningCredentials;
  #vouch: FindSigningKey;

  constructor(own: SigningCredentials = newSigningCredentials(), vouch: FindSigningKey = () => undefined) {
    this.own = own;
    this.#vouch = vouch;
  }

  /** Replaces whoever vouches for other keys. */
  onSigningKey(vouch: FindSigningKey): void {
    this.#vouch = vouch;
  }

  find(accessKeyId: string): SigningKey | undefined {
    return accessKeyId === this.own.accessKeyId ? this.own : this.#vouch(accessKeyId);
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Lasting credentials in the shape of AWS's. */
export function newSigningCredentials(): SigningCredentials {
  const id = [...randomBytes(16)].map((byte) => LETTERS[byte % LETTERS.length]).join('');
  return { accessKeyId: `AKIA${id}`, secretAccessKey: randomBytes(30).toString('base64') };
}
