import * as z from 'zod/mini';
import {
  deliveryDate,
  deliveryMessage,
  deliveryPolicy,
  deliveryTerms,
  flag,
  id,
  list,
  localizedText,
  one,
  orNull,
  places,
  product,
  requiredId,
  text,
} from './answer-fields.ts';
import type { Offer, OfferLine, QuotedDelivery, QuotedProduct } from './quote.ts';
import { readTolerantly } from './read-tolerantly.ts';

const Summary = z.object({ deliveryMessage, deliveryProvider: text, deliveryTerms });

const Line = z.object({
  product: one(z.object({ ...product, offerPrime: flag })),
  deliveryOffer: one(
    z.object({
      deliveryOfferSummary: one(Summary),
      summary: one(Summary),
      details: one(
        z.object({
          id,
          deliveryProvider: text,
          deliveryPreviewId: id,
          date: deliveryDate,
          policy: deliveryPolicy,
          deliveryTerms,
        }),
      ),
    }),
  ),
  reversalOffers: one(
    z.object({
      summary: one(z.object({ title: localizedText, description: localizedText, resolutionTypes: list(z.string()) })),
    }),
  ),
});
type Line = z.output<typeof Line>;

/** Without `edges` there is no answer: no offers is an answer as well. */
const Answer = z.object({
  offers: one(
    z.object({
      edges: z.pipe(
        z.unknown().check(z.refine((value) => value !== undefined)),
        places(z.object({ node: one(z.object({ id: requiredId, lineItems: places(Line) })) })),
      ),
      totalCount: orNull(z.int()),
    }),
  ),
});

export interface ReadOffers {
  readonly offers: Offer[];
  readonly totalCount: number | null;
  /** Places that are not as the documents say; see `readTolerantly`. */
  readonly drift: readonly string[];
}

/**
 * The offers of an answer, in one shape whichever of its own Amazon chose. An offer that cannot be read is left out; a line
 * item that cannot be read is there, with nothing in it.
 *
 * @param data what the answer has; what cannot be read in it is replaced by null
 * @returns undefined where there is nothing in it that could be offers: neither one that can be read nor an empty list
 */
export function readOffers(data: unknown): ReadOffers | undefined {
  const { value, drift } = readTolerantly(Answer, data);
  if (value?.offers == null) return undefined;
  const { edges, totalCount } = value.offers;
  const offers = edges.flatMap((edge): Offer[] => {
    if (edge?.node == null) return [];
    return [{ offerId: edge.node.id, lineItems: edge.node.lineItems.map(offerLine) }];
  });
  const isEmpty = edges.length === 0 && !drift.includes('offers.edges[]');
  return offers.length > 0 || isEmpty ? { offers, totalCount, drift } : undefined;
}

function offerLine(line: Line | null): OfferLine {
  const reversal = line?.reversalOffers?.summary;
  return {
    product: line?.product ? quotedProduct(line.product) : null,
    delivery: line?.deliveryOffer ? quotedDelivery(line.deliveryOffer) : null,
    returns: reversal
      ? { title: reversal.title, description: reversal.description, resolutionTypes: reversal.resolutionTypes }
      : null,
  };
}

function quotedProduct(found: NonNullable<Line['product']>): QuotedProduct {
  const { identifier, externalId, amazonSku, title, price, offerPrime } = found;
  return {
    productId: found.productId ?? identifier?.productId ?? null,
    sku: found.sku ?? identifier?.sku ?? null,
    externalId,
    amazonSku,
    title,
    price,
    offerPrime,
  };
}

/** Details and summaries say the same; each is missing where the query does not ask for it. */
function quotedDelivery(found: NonNullable<Line['deliveryOffer']>): QuotedDelivery | null {
  const { details } = found;
  const summary = found.deliveryOfferSummary ?? found.summary;
  if (details === null && summary === null) return null;
  return {
    isPrimeEligible: details?.deliveryTerms?.isPrimeEligible ?? summary?.deliveryTerms?.isPrimeEligible ?? null,
    provider: details?.deliveryProvider ?? summary?.deliveryProvider ?? null,
    speed: details?.deliveryTerms?.deliverySpeed ?? summary?.deliveryTerms?.deliverySpeed ?? null,
    message: details?.policy?.messaging ?? summary?.deliveryMessage ?? null,
    earliest: details?.date?.earliest ?? null,
    latest: details?.date?.latest ?? null,
    deliveryOfferId: details?.id ?? null,
    deliveryPreviewId: details?.deliveryPreviewId ?? null,
  };
}
