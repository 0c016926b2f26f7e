import * as z from 'zod/mini';
import { canonicalAmount, isAmount } from '../shared/money.ts';

/**
 * Fields of Amazon's answers as they may come: a list where one thing is meant, one thing where a list is meant, a value by
 * itself where the document has `{value}`, true as a word, a number as a text. What is missing is null, or an empty list.
 *
 * `readTolerantly` has to find again what they complain of. So nothing that stands before a schema may move values about,
 * but into a list, out of one, and into `{value}`.
 */
type Field<Value> = z.ZodMiniType<Value>;

/** What is missing is null. */
export const orNull = <Value>(field: Field<Value>): Field<Value | null> =>
  z.pipe(
    z.nullish(field),
    z.transform((value) => value ?? null),
  );

/** One, of which a list may come: then its first. */
export const one = <Value>(field: Field<Value>): Field<Value | null> => z.pipe(z.transform(firstOf), orNull(field));

/** A list, of which one may come. What is null in it keeps its place. */
export const places = <Value>(field: Field<Value>): Field<(Value | null)[]> =>
  z.pipe(z.transform(asList), z.array(orNull(field)));

/** The same, but what is null in it is left out. */
export const list = <Value>(field: Field<Value>): Field<Value[]> =>
  z.pipe(
    places(field),
    z.transform((values) => values.filter((value): value is Awaited<Value> & {} => value !== null)),
  );

/** `{value}`, or the value by itself. */
export const valued = <Value>(field: Field<Value>): Field<Value | null> =>
  z.pipe(
    z.transform((value: unknown): unknown => {
      const first = firstOf(value);
      return typeof first === 'object' ? first : { value: first };
    }),
    orNull(field),
  );

export const text = orNull(z.string());

/** An identifier: a text in GraphQL, which may come as the number that it looks like. */
export const requiredId = z.pipe(z.union([z.string().check(z.minLength(1)), z.int()]), z.transform(String));
export const id = orNull(requiredId);

export const flag = orNull(
  z.pipe(
    z.union([z.boolean(), z.string().check(z.trim(), z.toLowerCase(), z.regex(/^(?:true|false)$/u))]),
    z.transform((value) => value === true || value === 'true'),
  ),
);

/** A point in time, as Amazon writes it. */
export const instant = orNull(
  z.string().check(
    z.regex(/^\d{4}-\d{2}-\d{2}(?:T|$)/u),
    z.refine((value) => !Number.isNaN(Date.parse(value))),
  ),
);

const decimal = z.union([z.string(), z.number()]).check(z.refine((value) => isAmount(String(value))));

export const number = orNull(z.pipe(decimal, z.transform(Number)));

/** A sum, null where its amount is. */
export const money = z.pipe(
  one(
    z.object({
      amount: orNull(
        z.pipe(
          decimal,
          z.transform((value) => canonicalAmount(String(value))),
        ),
      ),
      currencyCode: text,
    }),
  ),
  z.transform((sum) => (sum?.amount == null ? null : { amount: sum.amount, currencyCode: sum.currencyCode })),
);

export const amount = one(z.object({ unit: text, value: number }));

const identifier = z.pipe(
  valued(z.object({ value: id })),
  z.transform((found) => found?.value ?? null),
);

/** What names a product, what it is and what it costs, wherever it is named. */
export const product = {
  productId: identifier,
  sku: identifier,
  externalId: identifier,
  /** As requests have it. */
  identifier: one(z.object({ productId: identifier, sku: identifier })),
  amazonSku: z.pipe(
    valued(z.object({ value: id, marketplaceId: id })),
    z.transform((found) => (found?.value == null ? null : { value: found.value, marketplaceId: found.marketplaceId })),
  ),
  title: text,
  price: money,
} as const;

export const localizedText = z.pipe(
  valued(z.object({ value: text, locale: text })),
  z.transform((found) => (found?.value == null ? null : { value: found.value, locale: found.locale })),
);

export const deliveryMessage = z.pipe(
  one(z.object({ messageText: text, badge: text, locale: text })),
  z.transform((found) => found && { text: found.messageText, badge: found.badge, locale: found.locale }),
);

export const deliveryTerms = one(z.object({ isPrimeEligible: flag, deliverySpeed: text }));

export const deliveryDate = one(z.object({ earliest: instant, latest: instant }));

export const deliveryPolicy = one(z.object({ messaging: deliveryMessage }));

function asList(value: unknown): unknown[] {
  if (value == null) return [];
  return Array.isArray(value) ? (value as unknown[]) : [value];
}

/** The first of a list that is something, or the value itself. */
export function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? ((value as unknown[]).find((each) => each != null) ?? null) : value;
}
