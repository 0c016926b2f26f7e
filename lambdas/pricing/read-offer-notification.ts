import * as z from 'zod/mini';
import type { ReadNotification } from '../shared/notifications/take-notifications.ts';
import type { CustomerType, PriceView, PriceWatch } from '../shared/watches.ts';
import { ITEM_CONDITIONS, priceWatchId } from '../shared/watches.ts';
import type { SellingAccount } from './pricing-accounts.ts';

const text = z.string().check(z.trim(), z.minLength(1));

/** An object whose field names are read in lower case: ANY_OFFER_CHANGED has `ASIN`, the newer types have `asin`. */
function anyCase<Shape extends Record<string, z.ZodMiniType>>(shape: Shape) {
  return z.pipe(z.transform(lowerCased), z.object(shape));
}

function lowerCased(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name.toLowerCase(), inner as unknown]));
}

const OfferChange = anyCase({
  sellerid: z.optional(text),
  offerchangetrigger: anyCase({ marketplaceid: text, asin: text, itemcondition: z.optional(z.string()) }),
});

/** The envelope of SP-API's notifications ("Notification Type Values"), as far as it is used. */
const Envelope = anyCase({
  notificationtype: text,
  notificationmetadata: z.optional(anyCase({ notificationid: z.optional(text) })),
  payload: z.optional(z.unknown()),
});

/** The types that are understood: whose offers they are about, and the field of the payload that holds the change. */
const TYPES = {
  ANY_OFFER_CHANGED: { customerType: 'Consumer', field: 'anyofferchangednotification' },
  B2B_ANY_OFFER_CHANGED: { customerType: 'Business', field: 'b2banyofferchangednotification' },
  // Tells that an offer has lost the featured place; its payload is the change itself.
  PRICING_HEALTH: { customerType: 'Consumer', field: undefined },
} as const satisfies Record<string, { customerType: CustomerType; field: string | undefined }>;

type Candidate = Pick<PriceWatch, 'view' | 'condition'>;

/** Reads notifications about changed offers, for the watches by ASIN of the accounts that sell in their marketplace. */
export function offerNotificationReader(
  accounts: readonly Pick<SellingAccount, 'name' | 'sellerId' | 'marketplaces'>[],
): ReadNotification {
  return (body) => {
    const envelope = Envelope.safeParse(parsedJson(body));
    if (!envelope.success) return refused('UnreadableMessage', describe(envelope.error));
    const { notificationtype: type, notificationmetadata: metadata, payload } = envelope.data;
    const known = Object.entries(TYPES).find(([name]) => name === type)?.[1];
    if (known === undefined)
      return refused('UnknownNotification', `nothing is known of the type ${type.slice(0, 100)}`);

    const { customerType, field } = known;
    const wrapped = field === undefined ? payload : z.looseObject({}).safeParse(lowerCased(payload)).data?.[field];
    const change = OfferChange.safeParse(wrapped);
    if (!change.success) return refused('UnreadableMessage', describe(change.error));
    const { sellerid: seller, offerchangetrigger: trigger } = change.data;

    const selling = accounts.filter(({ marketplaces }) => marketplaces.some(({ id }) => id === trigger.marketplaceid));
    const watchIds = selling.flatMap((account) =>
      candidates(trigger.itemcondition, seller !== undefined && seller === account.sellerId).map((candidate) =>
        priceWatchId({
          ...candidate,
          account: account.name,
          marketplaceId: trigger.marketplaceid,
          itemType: 'asin',
          customerType,
          item: trigger.asin,
        }),
      ),
    );
    return { notification: { id: metadata?.notificationid, watchIds } };
  };
}

/** The views and conditions in which a change of an item's offers may be seen. */
function candidates(itemCondition: string | undefined, isOwn: boolean): Candidate[] {
  const named = ITEM_CONDITIONS.filter((known) => known.toLowerCase() === itemCondition?.trim().toLowerCase());
  // A condition that Amazon did not have before may be about any.
  const conditions = named.length > 0 ? named : ITEM_CONDITIONS;
  const among = (view: PriceView, ...all: PriceWatch['condition'][]): Candidate[] =>
    all.map((condition) => ({ view, condition }));
  return [
    ...among('offers', ...conditions),
    // Competitive prices are never filtered by condition; the account's own may be or not.
    ...among('competitive', 'Any'),
    ...(isOwn ? among('own', 'Any', ...conditions) : []),
  ];
}

function refused(code: string, message: string): ReturnType<ReadNotification> {
  return { refused: { code, message } };
}

function describe(error: z.core.$ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

/** Text that is no JSON is nothing, which no schema takes. */
function parsedJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
