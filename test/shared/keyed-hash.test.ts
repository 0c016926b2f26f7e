import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { keyedHash } from '../../lambdas/shared/keyed-hash.ts';

it('is the beginning of the HMAC of its purpose and parts', () => {
  const whole = createHmac('sha256', 'key').update('["offer code","shop","ABC"]').digest('hex');
  expect(keyedHash('key')('offer code', ['shop', 'ABC'])).toBe(whole.slice(0, 32));
});

it('differs by key, by purpose, and by where one part ends and the next begins', () => {
  const hash = keyedHash('key');
  const all = [
    hash('code', ['a', 'b']),
    hash('code', ['ab']),
    hash('code', ['a,b']),
    hash('code', ['b', 'a']),
    hash('code', ['a', null]),
    hash('code', ['a', 'null']),
    hash('other', ['a', 'b']),
    keyedHash('another key')('code', ['a', 'b']),
  ];
  expect(new Set(all).size).toBe(all.length);
});
