import * as z from 'zod';
import { MARKETPLACES, marketplaceOf } from '../../lambdas/pricing/marketplaces.ts';
import { TuningRequest } from '../../lambdas/pricing/price-routes.ts';
import { type PriceTuning, readTuning } from '../../lambdas/pricing/price-tuning.ts';
import {
  ASIN,
  ASIN_RULE,
  CONDITIONS_OF_VIEW,
  listFault,
  usualCondition,
} from '../../lambdas/pricing/price-watch-rules.ts';
import { bucketOfWatch, pricingAccounts } from '../../lambdas/pricing/pricing-accounts.ts';
import type { PricingSettings } from '../../lambdas/shared/settings.ts';
import type { PriceView, PriceWatch } from '../../lambdas/shared/watches.ts';
import {
  CUSTOMER_TYPES,
  ITEM_CONDITIONS,
  parsePriceWatchId,
  PRICE_VIEWS,
  priceWatchId,
} from '../../lambdas/shared/watches.ts';
import { fittingId, identifier, oneOf, pathProblem, problemsOf } from './field-checks.ts';
import type { Checked, Fields, KindShape, Tuning, WatchKind } from './kinds.ts';
import { quote } from '../bulk/quote.ts';

/** Prices at SP-API Product Pricing. */
export const PRICE: KindShape = {
  name: 'price',
  noun: 'price',
  columns: [
    { name: 'account', help: 'its selling account, as the settings name it' },
    { name: 'view', help: `what is looked at: ${PRICE_VIEWS.join(', ')}`, default: 'offers' },
    {
      name: 'marketplace',
      help: 'its marketplace, by country code or identifier',
      // A watch of a marketplace that is no longer known keeps its identifier.
      canonical: (text) => marketplaceOf(text)?.country ?? text,
    },
    { name: 'asin', help: 'its ASIN, unless a SKU is given', default: '' },
    { name: 'sku', help: 'its SKU, unless an ASIN is given', default: '' },
    {
      name: 'condition',
      help: `${ITEM_CONDITIONS.join(', ')} or Any (default New in the view offers, else Any)`,
      default: '',
    },
    { name: 'customer-type', help: CUSTOMER_TYPES.join(' or '), default: 'Consumer' },
    { name: 'threshold', help: 'the least difference that is told, if any: 0.50, 2%, or 0.50 2%', tunes: true },
    { name: 'sales-ranks', help: 'yes, if changed sales ranks are told as well', tunes: true },
    { name: 'offer-counts', help: 'no, if changed numbers of offers alone are not told', tunes: true },
  ],
  filters: ['account', 'view', 'marketplace'],
  queueOutput: 'PriceSlicesQueueUrl',
};

export function priceKind(settings: PricingSettings): WatchKind {
  const accounts = pricingAccounts(settings);
  const known = accounts.map(({ name }) => name).join(', ') || 'none';
  return {
    ...PRICE,
    identify(fields) {
      const parsed = PriceFields.safeParse(fields);
      const problems = [
        ...(parsed.success ? [] : problemsOf(parsed.error)),
        ...itemProblems(fields),
        ...conditionProblems(fields),
      ];
      if (!parsed.success || problems.length > 0) return { problems };
      return fittingId(priceWatchId(watchOf(parsed.data)), 'asin or sku is too long with its account');
    },
    tuningOf: priceTuning,
    describe(watchId, tuning = {}) {
      const { account, view, marketplaceId, itemType, condition, customerType, item } = parsePriceWatchId(watchId);
      return {
        account,
        view,
        marketplace: marketplaceOf(marketplaceId)?.country ?? marketplaceId,
        [itemType]: item,
        condition,
        'customer-type': customerType,
        ...tuningFields(tuning),
      };
    },
    bucketOf({ account = '', marketplace = '', view = '', sku = '' }) {
      const seller = accounts.find(({ name }) => name === account);
      if (seller === undefined) {
        return { problems: [`account is ${quote(account)}, which the settings do not name (known: ${known})`] };
      }
      const watch = {
        account,
        marketplaceId: marketplaceOf(marketplace)?.id ?? marketplace,
        view: PRICE_VIEWS.find((one) => one === view) ?? 'offers',
        itemType: sku === '' ? ('asin' as const) : ('sku' as const),
      };
      const bucket = bucketOfWatch(accounts, watch);
      if (bucket !== undefined) return { value: bucket.id };
      const places = seller.marketplaces.map(({ country }) => country).join(', ');
      return {
        problems: [
          `marketplace is ${quote(marketplace)}, which the settings do not give to the account ${account} (it has: ${places})`,
        ],
      };
    },
    buckets: accounts.flatMap(({ buckets }) => buckets),
  };
}

const COUNTRIES = MARKETPLACES.map(({ country }) => country).join(', ');

/** The fields that can be judged alone. */
const PriceFields = z.object({
  account: identifier,
  view: oneOf(PRICE_VIEWS),
  marketplace: z
    .string()
    .refine((text) => marketplaceOf(text) !== undefined, {
      error: ({ input }) =>
        input === ''
          ? 'is empty'
          : `is ${quote(String(input))}; it must be one of ${COUNTRIES}, or the identifier of one of these`,
    })
    .transform((text) => marketplaceOf(text)?.id ?? text),
  asin: z.string(),
  sku: z.string(),
  condition: z.string(),
  'customer-type': oneOf(CUSTOMER_TYPES),
});

function watchOf({ account, view, marketplace, asin, sku, ...fields }: z.infer<typeof PriceFields>): PriceWatch {
  const condition = ITEM_CONDITIONS.find((known) => known === fields.condition);
  return {
    account,
    view,
    marketplaceId: marketplace,
    itemType: sku === '' ? 'asin' : 'sku',
    condition: condition ?? (fields.condition === '' ? usualCondition(view) : 'Any'),
    customerType: fields['customer-type'],
    item: sku === '' ? asin : sku,
  };
}

/** Exactly one of `asin` and `sku`, in a form that the view's requests can carry. */
function itemProblems({ view, asin = '', sku = '' }: Fields): string[] {
  if (asin === '' && sku === '') return ['asin and sku are both empty; one of them must be filled'];
  if (asin !== '' && sku !== '') {
    return [`asin is ${quote(asin)} and sku is ${quote(sku)}; only one of them may be filled`];
  }
  if (asin !== '') {
    return ASIN.test(asin) ? [] : [`asin is ${quote(asin)}; it ${ASIN_RULE}`];
  }
  const parsed = identifier.safeParse(sku);
  if (!parsed.success) return parsed.error.issues.map(({ message }) => `sku ${message}`);
  if (view === 'offers') {
    const problem = pathProblem(sku);
    return problem === undefined ? [] : [`sku ${problem}`];
  }
  const fault = listFault(viewOf(view), sku);
  return fault === undefined ? [] : [`sku is ${quote(sku)}; it ${fault}`];
}

function conditionProblems({ view, condition = '' }: Fields): string[] {
  const allowed: readonly string[] = CONDITIONS_OF_VIEW[viewOf(view)];
  if (condition === '' || allowed.includes(condition)) return [];
  const wanted = allowed.length === 1 ? `${allowed.join()} or be empty` : `one of ${allowed.join(', ')}`;
  return [`condition is ${quote(condition)}; for the view ${view ?? ''} it must be ${wanted}`];
}

/** A view that does not exist is told of by itself; what else is wrong is judged as of the view that allows most. */
function viewOf(text: string | undefined): PriceView {
  return PRICE_VIEWS.find((known) => known === text) ?? 'own';
}

function priceTuning(fields: Fields, before: Tuning): Checked<Tuning> {
  const thresholdField = fields['threshold'];
  const threshold = thresholdField === undefined ? { value: before['threshold'] } : parseThreshold(thresholdField);
  const ranks = answerOf('sales-ranks', fields, before['compareSalesRanks'] === true);
  const counts = answerOf('offer-counts', fields, before['ignoreOfferCounts'] !== true);
  if ('problems' in threshold || 'problems' in ranks || 'problems' in counts) {
    return { problems: [threshold, ranks, counts].flatMap((one) => ('problems' in one ? one.problems : [])) };
  }
  const { threshold: _, compareSalesRanks: __, ignoreOfferCounts: ___, ...others } = before;
  return {
    value: {
      ...others,
      ...(threshold.value !== undefined && { threshold: threshold.value }),
      ...(ranks.value && { compareSalesRanks: true }),
      ...(!counts.value && { ignoreOfferCounts: true }),
    },
  };
}

/** The usual answer of each question stands for an empty field. */
const USUALLY = { 'sales-ranks': false, 'offer-counts': true };

/** @param before the answer until now, for a file that does not have the column */
function answerOf(column: keyof typeof USUALLY, fields: Fields, before: boolean): Checked<boolean> {
  const field = fields[column];
  if (field === undefined) return { value: before };
  if (field === '') return { value: USUALLY[column] };
  if (field === 'yes' || field === 'no') return { value: field === 'yes' };
  return { problems: [`${column} is ${quote(field)}; it must be yes or no`] };
}

const PERCENTAGE = /^(\d{1,3}(?:\.\d{1,20})?)%$/u;

function parseThreshold(text: string): Checked<PriceTuning['threshold']> {
  if (text === '') return { value: undefined };
  const parts = text.split(/ +/u);
  const amounts = parts.filter((part) => !part.endsWith('%'));
  const percentages = parts.flatMap((part) => {
    const digits = PERCENTAGE.exec(part)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  const [absolute] = amounts;
  const [percent] = percentages;
  const isWellFormed = amounts.length <= 1 && percentages.length <= 1 && amounts.length + percentages.length === parts.length; // prettier-ignore
  const threshold = { ...(absolute !== undefined && { absolute }), ...(percent !== undefined && { percent }) };
  if (isWellFormed && TuningRequest.safeParse({ threshold }).success) return { value: threshold };
  return {
    problems: [
      `threshold is ${quote(text)}; it must be an amount above 0 such as 0.50, a percentage up to 100 such as 2%, or both, such as 0.50 2%`,
    ],
  };
}

/** A tuning as its columns have it; what is usual is left empty. */
function tuningFields(tuning: Tuning): Fields {
  const { threshold: { absolute, percent } = {}, compareSalesRanks, ignoreOfferCounts } = readTuning(tuning);
  const parts = [absolute, percent === undefined ? undefined : `${percent}%`];
  return {
    threshold: parts.filter((part) => part !== undefined).join(' '),
    'sales-ranks': compareSalesRanks === true ? 'yes' : '',
    'offer-counts': ignoreOfferCounts === true ? 'no' : '',
  };
}
