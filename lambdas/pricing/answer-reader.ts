import { boundedDrift } from '../shared/drift.ts';
import { canonicalAmount, isAmount } from '../shared/money.ts';
import type { MoneyType } from './pricing-answers.ts';
import { canonicalRows } from './price-rows.ts';
import type { ListName, PartName, RowOf } from './price-snapshot.ts';
import type { Vocabulary } from './vocabularies.ts';

/** Reads the values of one answer, and keeps in mind what it met: currencies, surprises, and parts it could not read. */
export class AnswerReader {
  readonly #drift = new Set<string>();
  readonly #unread = new Set<PartName>();
  readonly #currencies = new Set<string>();

  get currencies(): readonly string[] {
    return [...this.#currencies].sort();
  }

  get unread(): readonly PartName[] {
    return [...this.#unread].sort();
  }

  /** Surprises; see `boundedDrift`. */
  get drift(): string[] {
    return boundedDrift(this.#drift);
  }

  /** Notes a surprise, such as `Offers[].SubCondition: "Foo"`. */
  surprise(field: string, value: unknown): void {
    this.#drift.add(`${field}: ${JSON.stringify(value ?? null)}`);
  }

  /** Notes that a list is not known as a whole, or a price of reference not at all. */
  cannotRead(name: PartName): void {
    this.#unread.add(name);
  }

  /** What an answer holds of a part that is null where it is unreadable; undefined then, and where there is none. */
  readable<Value>(name: PartName, field: string, value: Value | null | undefined): Value | undefined {
    if (value !== null) return value;
    this.#drift.add(`${field}: unreadable`);
    this.cannotRead(name);
    return undefined;
  }

  /** Rows of a list in their one order. A row that gives nothing cannot be placed, so the list is not known as a whole. */
  rows<Value, Name extends ListName>(
    name: Name,
    values: readonly Value[] | null | undefined,
    read: (value: Value) => RowOf<Name> | undefined,
  ): RowOf<Name>[] {
    const rows = (values ?? []).flatMap((value): RowOf<Name>[] => {
      const row = read(value);
      if (row === undefined) this.cannotRead(name);
      return row === undefined ? [] : [row];
    });
    return canonicalRows(name, rows);
  }

  amount(field: string, money: MoneyType | null | undefined): string | undefined {
    const text = money?.Amount;
    if (text == null) return undefined;
    if (!isAmount(text)) {
      this.surprise(field, text);
      return undefined;
    }
    const currency = words(money?.CurrencyCode)?.toUpperCase();
    if (currency !== undefined) this.#currencies.add(currency);
    return canonicalAmount(text);
  }

  /** A word that tells rows apart: undefined for a stranger. */
  identity<Word extends string>(field: string, vocabulary: Vocabulary<Word>, text: unknown): Word | undefined {
    const known = vocabulary.read(words(text) ?? '');
    if (known === undefined) this.surprise(field, text);
    return known;
  }

  /** A word that informs: a stranger is kept as it is. */
  word(field: string, vocabulary: Vocabulary, text: unknown): string | undefined {
    const written = words(text);
    if (written === undefined) return undefined;
    const known = vocabulary.read(written);
    if (known === undefined) this.surprise(field, written);
    return known ?? written;
  }
}

/** Text without its margins; undefined for nothing, blanks and whatever is no text. */
export function words(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() ? value.trim() : undefined;
}

/** The fields that have a value. */
export function filled<Fields extends object>(
  fields: Fields,
): {
  [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<Fields[Name], undefined>;
} & { [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name] } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
