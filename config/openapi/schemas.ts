import * as z from 'zod';
import * as buyWithPrimeAnswers from '../../lambdas/buy-with-prime/buy-with-prime-answers.ts';
import * as buyWithPrimeRequests from '../../lambdas/buy-with-prime/buy-with-prime-requests.ts';
import * as orders from '../../lambdas/buy-with-prime/order.ts';
import * as quotes from '../../lambdas/buy-with-prime/quote.ts';
import * as playerAnswers from '../../lambdas/entitlements/player-answers.ts';
import * as pushAnswers from '../../lambdas/entitlements/push-answers.ts';
import * as pushRoutes from '../../lambdas/entitlements/push-routes.ts';
import * as offerCodeAnswers from '../../lambdas/offer-codes/offer-code-answers.ts';
import * as offerCodeRoutes from '../../lambdas/offer-codes/offer-code-routes.ts';
import * as offerChanges from '../../lambdas/offer-status/offer-changes.ts';
import * as offers from '../../lambdas/offer-status/offer.ts';
import * as titleAnswers from '../../lambdas/offer-status/title-answers.ts';
import * as serviceAnswers from '../../lambdas/partner-api/service-answers.ts';
import * as priceChanges from '../../lambdas/pricing/price-changes.ts';
import * as priceSnapshot from '../../lambdas/pricing/price-snapshot.ts';
import * as priceTuning from '../../lambdas/pricing/price-tuning.ts';
import * as priceAnswers from '../../lambdas/pricing/price-answers.ts';
import * as priceRoutes from '../../lambdas/pricing/price-routes.ts';
import * as answerFields from '../../lambdas/shared/partner-api/answer-fields.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

const COMPONENTS = '#/components/schemas/';
const DRAFT = 'draft-2020-12';

/** A schema is a component under the name that it is exported by, where it shares that with its type. */
const NAMES = new Map<z.core.$ZodType, string>([
  ...[
    ...[playerAnswers, pushAnswers, pushRoutes, buyWithPrimeAnswers, buyWithPrimeRequests, quotes, orders],
    ...[offerCodeAnswers, offerCodeRoutes, titleAnswers, offers, offerChanges, serviceAnswers],
    ...[priceAnswers, priceRoutes, priceSnapshot, priceChanges, priceTuning, answerFields],
  ].flatMap((module) =>
    Object.entries<unknown>(module).flatMap(([name, value]): [z.core.$ZodType, string][] =>
      value instanceof z.core.$ZodType && /^[A-Z]/.test(name) ? [[value, name]] : [],
    ),
  ),
  // An offer is something else to whom licenses titles, and there is one document for both.
  [quotes.Offer, 'QuotedOffer'],
]);

/** What zod itself knows of a schema, and its name. */
class NamedSchemas extends z.core.$ZodRegistry<z.core.GlobalMeta> {
  override get(schema: z.core.$ZodType): z.core.$replace<z.core.GlobalMeta, typeof schema> | undefined {
    const id = NAMES.get(schema);
    const known = z.globalRegistry.get(schema);
    return id === undefined ? known : { ...known, id };
  }
  override has(schema: z.core.$ZodType): boolean {
    return NAMES.has(schema) || z.globalRegistry.has(schema);
  }
}

type Override = NonNullable<z.core.ToJSONSchemaParams['override']>;

const simplify: Override = ({ zodSchema, jsonSchema }) => {
  // A client must not stumble over a field that comes later: answers are open, but where the schema itself is strict.
  const { def } = zodSchema._zod;
  if (def.type === 'object' && def.catchall === undefined) delete jsonSchema.additionalProperties;
  if (def.type === 'default' && jsonSchema.default === undefined) jsonSchema.default = def.defaultValue;
  // Every integer is a safe one; saying so is noise.
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  // The format says it; the pattern is three lines of calendar. And a pattern is about text, of which a number is made.
  if (jsonSchema.format === 'date-time' || jsonSchema.type === 'integer') delete jsonSchema.pattern;
};

/** JSON Schemas as the document shows them: named ones are references to components, which are collected meanwhile. */
export class SchemaComponents {
  readonly #components = new Map<string, JsonSchema>();

  /** The schema of what a partner gets. */
  answer(schema: z.core.$ZodType): JsonSchema {
    return this.#described(schema, 'output').schema;
  }

  /** The schema of what a partner sends, and whether it has to be sent. */
  request(schema: z.core.$ZodType): { readonly schema: JsonSchema; readonly required: boolean } {
    return this.#described(schema, 'input');
  }

  /** All that have been referred to, by name. */
  all(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** @throws Error where a name stands for two different schemas */
  #described(schema: z.core.$ZodType, io: 'input' | 'output') {
    // What is named itself would be the root and no definition: so it stands in a wrapper.
    const {
      properties,
      required,
      $defs = {},
    } = z.toJSONSchema(z.object({ schema }), {
      io,
      target: DRAFT,
      metadata: new NamedSchemas(),
      override: simplify,
    });
    for (const [name, definition] of Object.entries($defs)) {
      const { id: _, ...component } = referring(definition) as Record<string, unknown>;
      const known = this.#components.get(name);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(component))
        throw new Error(`the name ${name} stands for two schemas`);
      this.#components.set(name, component);
    }
    return {
      schema: referring(properties?.['schema']) as JsonSchema,
      required: required?.includes('schema') ?? false,
    };
  }
}

/** The same, with references into the components. */
function referring(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referring);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string' ? inner.replace('#/$defs/', COMPONENTS) : referring(inner),
    ]),
  );
}
