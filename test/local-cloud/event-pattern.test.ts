import { describe, expect, test } from 'vitest';
import { parsePattern } from '../../local/cloud/event-pattern.ts';

const matches = (pattern: object, event: unknown) => parsePattern(pattern).matches(event);

describe('an event pattern', () => {
  test.each<[string, object, unknown, boolean]>([
    ['matches equal strings', { source: ['a', 'b'] }, { source: 'b' }, true],
    ['refuses other strings', { source: ['a'] }, { source: 'A' }, false],
    ['tells numbers from strings', { n: [1] }, { n: '1' }, false],
    ['takes 1 and 1.0 for equal', { n: [1] }, { n: 1.0 }, true],
    ['matches null and false as values', { a: [null], b: [false] }, { a: null, b: false }, true],
    ['wants every field to match', { a: ['x'], b: ['y'] }, { a: 'x', b: 'z' }, false],
    ['looks into nested objects', { detail: { data: { kind: ['x'] } } }, { detail: { data: { kind: 'x' } } }, true],
    ['matches an array that holds the value', { a: ['x'] }, { a: ['w', 'x'] }, true],
    [
      'holds the fields of an array element together',
      { a: { k: [1], v: [2] } },
      {
        a: [
          { k: 1, v: 3 },
          { k: 2, v: 2 },
        ],
      },
      false,
    ],
    [
      'finds the one array element that matches',
      { a: { k: [1], v: [2] } },
      {
        a: [
          { k: 3, v: 3 },
          { k: 1, v: 2 },
        ],
      },
      true,
    ],
    ['prefix', { a: [{ prefix: 'ab' }] }, { a: 'abc' }, true],
    ['prefix without case', { a: [{ prefix: { 'equals-ignore-case': 'AB' } }] }, { a: 'abc' }, true],
    ['suffix', { a: [{ suffix: '.png' }] }, { a: 'x.png' }, true],
    ['suffix without case', { a: [{ suffix: { 'equals-ignore-case': '.PNG' } }] }, { a: 'x.png' }, true],
    ['equals-ignore-case', { a: [{ 'equals-ignore-case': 'ALICE' }] }, { a: 'alice' }, true],
    ['wildcard', { a: [{ wildcard: 'dir/*.p*g' }] }, { a: 'dir/x/y.png' }, true],
    [
      'wildcard with characters that regular expressions know',
      { a: [{ wildcard: 'a.b*(c)' }] },
      { a: 'axb(c)' },
      false,
    ],
    ['wildcard with an escaped asterisk', { a: [{ wildcard: 'a\\*b' }] }, { a: 'axb' }, false],
    ['anything-but', { a: [{ 'anything-but': 'x' }] }, { a: 'y' }, true],
    ['anything-but a list', { a: [{ 'anything-but': ['x', 'y'] }] }, { a: 'y' }, false],
    ['anything-but numbers', { a: [{ 'anything-but': [1, 2] }] }, { a: 3 }, true],
    ['anything-but wants the field', { a: [{ 'anything-but': 'x' }] }, {}, false],
    ['anything-but prefix', { a: [{ 'anything-but': { prefix: 'x' } }] }, { a: 'xy' }, false],
    ['anything-but a list of suffixes', { a: [{ 'anything-but': { suffix: ['.a', '.b'] } }] }, { a: 'x.c' }, true],
    ['anything-but wildcard', { a: [{ 'anything-but': { wildcard: '*x*' } }] }, { a: 'axb' }, false],
    ['numeric equality', { a: [{ numeric: ['=', 5] }] }, { a: 5 }, true],
    ['numeric range', { a: [{ numeric: ['>', 0, '<=', 5] }] }, { a: 5 }, true],
    ['numeric range, outside', { a: [{ numeric: ['>', 0, '<', 5] }] }, { a: 5 }, false],
    ['numeric is not for strings', { a: [{ numeric: ['>', 0] }] }, { a: '5' }, false],
    ['exists', { a: [{ exists: true }] }, { a: null }, true],
    ['exists is for leaves', { a: [{ exists: true }] }, { a: { b: 1 } }, false],
    ['exists: false', { a: { b: [{ exists: false }] } }, {}, true],
    ['exists: false, though it does', { a: [{ exists: false }] }, { a: 1 }, false],
    ['cidr', { ip: [{ cidr: '10.0.0.0/24' }] }, { ip: '10.0.0.255' }, true],
    ['cidr, outside', { ip: [{ cidr: '10.0.0.0/24' }] }, { ip: '10.0.1.0' }, false],
    ['cidr of IPv6', { ip: [{ cidr: '2001:db8::/32' }] }, { ip: '2001:db8::1' }, true],
    ['$or, one branch', { $or: [{ a: [1] }, { b: [2] }], c: [3] }, { b: 2, c: 3 }, true],
    ['$or, no branch', { $or: [{ a: [1] }, { b: [2] }] }, { a: 2, b: 1 }, false],
    ['$or and the rest', { $or: [{ a: [1] }, { b: [2] }], c: [3] }, { a: 1, c: 4 }, false],
    ['takes any of several matchers', { a: ['x', { prefix: 'y' }, { exists: false }] }, {}, true],
  ])('%s', (_, pattern, event, expected) => expect(matches(pattern, event)).toBe(expected));

  test.each<[string, object | string, RegExp]>([
    ['no JSON', '{', /not JSON/],
    ['a value outside a list', { a: 'x' }, /a must be a list/],
    ['an empty list', { a: { b: [] } }, /a\.b must be a list/],
    ['an unknown operator', { a: [{ like: 'x' }] }, /no operator like/],
    ['a malformed range', { a: [{ numeric: ['>'] }] }, /numeric wants/],
    ['$or of one', { $or: [{ a: [1] }] }, /\$or wants/],
  ])('is refused with %s', (_, pattern, message) => expect(() => parsePattern(pattern)).toThrow(message));
});
