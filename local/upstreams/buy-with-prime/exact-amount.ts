/** An exact sum of money in ten-thousandths of the currency's unit. */
export type Amount = bigint;

const FRACTION_DIGITS = 4;
const CENT = 100n;
/** Fifteen digits at most: a JSON number carries them exactly. */
export const AMOUNT_PATTERN = /^\d{1,11}(?:\.\d{1,4})?$/;

/** Reads digits with at most four decimals; undefined for anything else. */
export function readAmount(text: string): Amount | undefined {
  if (!AMOUNT_PATTERN.test(text)) return undefined;
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(FRACTION_DIGITS, '0'));
}

/** Like {@link readAmount}, for a text that has been checked. Throws for any other. */
export function amountOf(text: string): Amount {
  const amount = readAmount(text);
  if (amount === undefined) throw new Error(`"${text}" is no amount.`);
  return amount;
}

/** `cents` writes 10 as `10.00`, `short` as `10`; neither leaves a digit out that counts. */
export function writeAmount(amount: Amount, digits: 'cents' | 'short' = 'cents'): string {
  const sign = amount < 0n ? '-' : '';
  const text = String(amount < 0n ? -amount : amount).padStart(FRACTION_DIGITS + 1, '0');
  const whole = text.slice(0, -FRACTION_DIGITS);
  const fraction = text.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const padded = digits === 'cents' ? fraction.padEnd(2, '0') : fraction;
  return `${sign}${whole}${padded === '' ? '' : `.${padded}`}`;
}

/** A percentage of an amount, rounded half up to cents. */
export function percentage(amount: Amount, percent: Amount): Amount {
  const [product, divisor] = [amount * percent, 100n * 10_000n * CENT];
  return ((product + divisor / 2n) / divisor) * CENT;
}
