import { createHmac } from 'node:crypto';

/** Hashes under the stage's key: equal parts give equal hashes, and nobody without the key can try parts out. */
export type KeyedHash = (purpose: string, parts: readonly (string | null)[]) => string;

/**
 * HMAC-SHA256 (RFC 2104). The parts are joined as JSON, so that no two lists of parts look alike, and hashes made for
 * different purposes never equal each other.
 *
 * @returns 128 bits as 32 hexadecimal digits
 */
export function keyedHash(key: string): KeyedHash {
  return (purpose, parts) =>
    createHmac('sha256', key)
      .update(JSON.stringify([purpose, ...parts]))
      .digest('hex')
      .slice(0, 32);
}
