import * as z from 'zod';
import { ControlError, type ControlRequest, type ControlRoute } from '../control-server.ts';
import type { OfferCodeLedger, OfferCodeTruth } from './offer-code-ledger.ts';
import { CodeOptions, CodeTerms, Deal } from './offer-code-options.ts';

const NewCodes = z.array(CodeOptions);

export interface OfferCodesControlParts {
  ledger: OfferCodeLedger;
  /** The marketplaces that a benefit can be for. */
  regions: ReadonlyMap<string, string>;
}

/** The control operations that belong to offer codes: benefits, codes and the truth about them. */
export function offerCodesControl({ ledger, regions }: OfferCodesControlParts): ControlRoute[] {
  const codePath = '/control/offer-codes/:benefit/:code';
  const requireBenefit = (benefit: string): void => {
    if (!ledger.benefit(benefit)) throw new ControlError(400, `There is no benefit "${benefit}".`);
  };
  return [
    {
      method: 'PUT',
      path: '/control/benefits/:benefit',
      handle: ({ params, body }) => {
        const deal = Deal.parse(body);
        if (!regions.has(deal.marketplace)) {
          throw new ControlError(400, `There is no marketplace "${deal.marketplace}".`);
        }
        ledger.setBenefit(params['benefit'] ?? '', deal);
        return { body: deal };
      },
    },
    {
      method: 'POST',
      path: '/control/offer-codes',
      handle: ({ body }) => {
        const wanted = NewCodes.parse(body);
        for (const { benefit } of wanted) requireBenefit(benefit);
        const added = wanted.filter(({ benefit, code, ...terms }) => ledger.add(benefit, code, terms)).length;
        return { status: 201, body: { added, existing: wanted.length - added } };
      },
    },
    {
      method: 'PUT',
      path: codePath,
      handle: (request) => {
        const { benefit, code } = idOf(request);
        const terms = CodeTerms.parse(request.body ?? {});
        requireBenefit(benefit);
        ledger.set(benefit, code, terms);
        return { body: ledger.truth(benefit, code) };
      },
    },
    {
      method: 'DELETE',
      path: codePath,
      handle: (request) => {
        const { benefit, code } = idOf(request);
        if (!ledger.forget(benefit, code)) throw new ControlError(404, 'There is no such code.');
        return { body: ledger.truth(benefit, code) };
      },
    },
    {
      method: 'GET',
      path: '/control/offer-code-truth',
      handle: ({ query }) => ({ body: { codes: truths(ledger, query.get('benefit'), query.get('code')) } }),
    },
  ];
}

function truths(ledger: OfferCodeLedger, benefit: string | null, code: string | null): OfferCodeTruth[] {
  const found = [...ledger.truths()].filter(
    (truth) => (benefit === null || truth.benefit === benefit) && (code === null || truth.code === code),
  );
  if (found.length === 0 && code !== null) throw new ControlError(404, 'There never was such a code.');
  return found;
}

function idOf({ params }: ControlRequest): { benefit: string; code: string } {
  return { benefit: params['benefit'] ?? '', code: params['code'] ?? '' };
}
