/**
 * Exact decimal money. An amount is text in one notation, so that equal amounts are equal text: no exponent, no plus, no
 * needless zeros (`19.9`, `-3`, `0`).
 */

interface Decimal {
  readonly units: bigint;
  /** Digits behind the point. */
  readonly scale: number;
}

/** What a difference of amounts has to reach to count; with both given, either will do. */
export interface AmountThreshold {
  /** An amount, in the currency of the price. */
  readonly absolute?: string | undefined;
  /** Per cent of the old amount. */
  readonly percent?: number | undefined;
}

const NUMBER = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,2}))?$/iu;
const LONGEST_TEXT = 40;

/** Whether text is a decimal number, of at most 40 characters and two digits of exponent: no answer may make a longer one. */
export function isAmount(text: string): boolean {
  return text.length <= LONGEST_TEXT && NUMBER.test(text.trim());
}

/** @throws RangeError for text that is no decimal number */
export function canonicalAmount(text: string): string {
  return format(parse(text));
}

/** @throws RangeError for text that is no decimal number */
export function addAmounts(left: string, right: string): string {
  const { a, b, scale } = aligned(left, right);
  return format({ units: a + b, scale });
}

/** @throws RangeError for text that is no decimal number */
export function subtractAmounts(left: string, right: string): string {
  const { a, b, scale } = aligned(left, right);
  return format({ units: a - b, scale });
}

/** Negative, zero or positive, as `left` is less than, equal to or greater than `right`. */
export function compareAmounts(left: string, right: string): number {
  const { a, b } = aligned(left, right);
  return a < b ? -1 : Number(a > b);
}

/**
 * Whether the way from one amount to another is long enough to count. Equal amounts never count; without a threshold all
 * others do. From zero, every per cent is reached.
 *
 * @throws RangeError for text that is no decimal number
 */
export function reaches(from: string, to: string, { absolute, percent }: AmountThreshold = {}): boolean {
  const way = magnitude(subtractAmounts(to, from));
  if (way === '0') return false;
  if (absolute === undefined && percent === undefined) return true;
  if (absolute !== undefined && compareAmounts(way, absolute) >= 0) return true;
  return percent !== undefined && compareAmounts(times(way, '100'), times(magnitude(from), String(percent))) >= 0;
}

function times(left: string, right: string): string {
  const [a, b] = [parse(left), parse(right)];
  return format({ units: a.units * b.units, scale: a.scale + b.scale });
}

function magnitude(amount: string): string {
  return amount.replace(/^-/u, '');
}

function parse(text: string): Decimal {
  const [whole, sign = '', digits = '', fraction = '', exponent = '0'] = NUMBER.exec(text.trim()) ?? [];
  if (whole === undefined) throw new RangeError(`not a decimal number: ${text.slice(0, 40)}`);
  const units = BigInt(`${digits}${fraction}`) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

function format({ units, scale }: Decimal): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const point = digits.length - scale;
  const fraction = digits.slice(point).replace(/0+$/u, '');
  return `${units < 0n ? '-' : ''}${digits.slice(0, point)}${fraction && `.${fraction}`}`;
}

function aligned(left: string, right: string): { a: bigint; b: bigint; scale: number } {
  const [a, b] = [parse(left), parse(right)];
  const scale = Math.max(a.scale, b.scale);
  const scaled = (one: Decimal): bigint => one.units * 10n ** BigInt(scale - one.scale);
  return { a: scaled(a), b: scaled(b), scale };
}
