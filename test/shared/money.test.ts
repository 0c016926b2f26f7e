import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addAmounts,
  canonicalAmount,
  compareAmounts,
  isAmount,
  reaches,
  subtractAmounts,
} from '../../lambdas/shared/money.ts';
import { PriceTuning } from '../../lambdas/pricing/price-tuning.ts';

const cents = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n });
const scale = fc.integer({ min: 0, max: 6 });
/** Decimal text, needless zeros included, and its value in millionths. */
const amount = fc.tuple(cents, scale, fc.integer({ min: 0, max: 3 })).map(([units, digits, zeros]) => {
  const text = String(units < 0n ? -units : units).padStart(digits + 1, '0');
  const fraction = text.slice(text.length - digits) + '0'.repeat(digits === 0 ? 0 : zeros);
  const whole = digits === 0 ? text : `${text.slice(0, -digits)}.${fraction}`;
  return { text: units < 0n ? `-${whole}` : whole, millionths: units * 10n ** BigInt(6 - digits) };
});
const millionths = (text: string): bigint => {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/u.exec(text) ?? [];
  return BigInt(`${sign}${whole}${fraction.padEnd(6, '0')}`);
};

describe('amounts', () => {
  it.each([
    ['10', '10.00'],
    ['10', '10.'],
    ['0.5', '.50'],
    ['0', '-0.00'],
    ['-3.2', '-3.20'],
    ['1500', '1500'],
    ['120', '1.2E2'],
    ['0.00000012', '1.2e-7'],
    ['7', ' +007.0 '],
  ])('are written %s for %j', (canonical, text) => {
    expect(canonicalAmount(text)).toBe(canonical);
  });

  it.each(['', '.', '-', 'ten', '1,5', '1.2.3', 'NaN', 'Infinity', '1e999', '0x10'])('are no text like %j', (text) => {
    expect(isAmount(text)).toBe(false);
    expect(() => canonicalAmount(text)).toThrow(RangeError);
  });

  it('are refused where they are absurdly long, and exact where they are merely long', () => {
    expect(isAmount('1'.repeat(41))).toBe(false);
    expect(isAmount('1e99')).toBe(true);
    expect(subtractAmounts('1e99', '-1e-99')).toBe(`1${'0'.repeat(99)}.${'0'.repeat(98)}1`);
    expect(reaches('1e39', '1.01e39', { percent: 1 })).toBe(true);
  });

  it('have one notation, and are as exact as whole numbers', () => {
    fc.assert(
      fc.property(amount, amount, (left, right) => {
        expect(millionths(canonicalAmount(left.text))).toBe(left.millionths);
        expect(canonicalAmount(canonicalAmount(left.text))).toBe(canonicalAmount(left.text));
        expect(canonicalAmount(left.text)).toMatch(/^(?:0|-?(?:[1-9]\d*|0(?=\.))(?:\.\d*[1-9])?)$/u);
        expect(canonicalAmount(left.text) === canonicalAmount(right.text)).toBe(left.millionths === right.millionths);
        expect(millionths(addAmounts(left.text, right.text))).toBe(left.millionths + right.millionths);
        expect(millionths(subtractAmounts(left.text, right.text))).toBe(left.millionths - right.millionths);
        expect(compareAmounts(left.text, right.text)).toBe(
          left.millionths < right.millionths ? -1 : left.millionths > right.millionths ? 1 : 0,
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('do not stumble where binary fractions do', () => {
    expect(addAmounts('0.1', '0.2')).toBe('0.3');
    expect(subtractAmounts('19.99', '19.9')).toBe('0.09');
    expect(reaches('1.10', '1.00', { absolute: '0.1' })).toBe(true);
    expect(reaches('100', '107', { percent: 7 })).toBe(true);
    expect(reaches('0.7', '0.749', { percent: 7 })).toBe(true);
  });
});

describe('thresholds', () => {
  it.each([
    ['9.99', '9.99', {}, false],
    ['9.99', '9.990', { absolute: '0', percent: 0 }, false],
    ['9.99', '9.98', {}, true],
    ['9.99', '9.98', undefined, true],
    ['10', '10.49', { absolute: '0.50' }, false],
    ['10', '10.50', { absolute: '0.50' }, true],
    ['10', '9.5', { absolute: '0.50' }, true],
    ['200', '209.99', { percent: 5 }, false],
    ['200', '210', { percent: 5 }, true],
    ['210', '200', { percent: 5 }, false],
    ['-200', '-210', { percent: 5 }, true],
    ['200', '200.50', { absolute: '0.50', percent: 5 }, true],
    ['2', '2.10', { absolute: '0.50', percent: 5 }, true],
    ['2', '2.09', { absolute: '0.50', percent: 5 }, false],
    ['0', '0.01', { percent: 50 }, true],
    ['0', '0.01', { absolute: '0.02' }, false],
    ['1000', '1000.01', { percent: 1e-7 }, true],
  ])('from %s to %s by %j: %j', (from, to, threshold, counts) => {
    expect(reaches(from, to, threshold)).toBe(counts);
  });

  it('let pass less the higher they are, and the same either way for an absolute one', () => {
    const limit = fc.integer({ min: 0, max: 1_000 });
    fc.assert(
      fc.property(amount, amount, limit, limit, ({ text: from }, { text: to }, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const absolute = (size: number) => reaches(from, to, { absolute: String(size) });
        if (absolute(high)) expect(absolute(low)).toBe(true);
        if (reaches(from, to, { percent: high })) expect(reaches(from, to, { percent: low })).toBe(true);
        expect(reaches(to, from, { absolute: String(one) })).toBe(absolute(one));
        expect(reaches(from, to, { absolute: String(one), percent: other })).toBe(
          absolute(one) || reaches(from, to, { percent: other }),
        );
      }),
    );
  });

  it('are checked where they are written', () => {
    const tuning = { threshold: { absolute: '0.50', percent: 2.5 }, compareSalesRanks: true, ignoreOfferCounts: true };
    expect(PriceTuning.parse(tuning)).toEqual(tuning);
    expect(PriceTuning.parse({})).toEqual({});
    for (const threshold of [{ absolute: 'much' }, { absolute: '-1' }, { absolute: 1 }, { percent: -1 }]) {
      expect(PriceTuning.safeParse({ threshold }).success).toBe(false);
    }
  });
});
