import { createHash } from 'node:crypto';

/**
 * The unique id that IAM gives a role (`AROA…`) or user (`AIDA…`): 17 capital letters and digits after the prefix. It is
 * derived from the ARN, so that a restart finds the same one.
 */
export function uniqueId(prefix: 'AROA' | 'AIDA', arn: string): string {
  const digits = BigInt(`0x${createHash('sha256').update(arn).digest('hex')}`)
    .toString(36)
    .toUpperCase();
  return `${prefix}${digits.padStart(17, '0').slice(-17)}`;
}
