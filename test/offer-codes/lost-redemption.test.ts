import { expect, it } from 'vitest';
import {
  judgeLostRedemption,
  type KnownOutcome,
  type LostRedemption,
} from '../../lambdas/offer-codes/lost-redemption.ts';

const valid = { accepted: true, message: 'SUCCESS' } as const;
const not = (reason: string) => ({ accepted: false, reason, message: reason }) as const;
const INVALID = not('INVALID_OFFER_CODE');
const LIMIT = not('EXCEEDED_USAGE_LIMIT');

const known = (at: number, outcome: Partial<KnownOutcome>): KnownOutcome => ({ benefitId: 'B', at, ...outcome });
const wasInvalid = (at: number): KnownOutcome => known(at, { valid: false, reason: 'INVALID_OFFER_CODE' });
const wasValid = (at: number): KnownOutcome => known(at, { valid: true, reason: null });
const wasRedeemed = (at: number, assumed = false): KnownOutcome => known(at, { redeemed: true, assumed, reason: null });
const wasDenied = (at: number): KnownOutcome =>
  known(at, { redeemed: false, assumed: false, reason: 'INVALID_OFFER_CODE' });

type Verdict = ReturnType<typeof judgeLostRedemption>;
/** The try began at 100. The history is given as it is read: newest first. */
const cases: [string, Pick<LostRedemption, 'decision' | 'use' | 'known'>, Verdict][] = [
  ['a valid code of single use was not redeemed', { decision: valid, use: 'single', known: [] }, 'notYet'],
  ['a valid code of multiple use tells nothing', { decision: valid, use: 'multiple', known: [] }, 'unknown'],
  ['a code that is not valid any more was redeemed', { decision: INVALID, use: 'single', known: [] }, 'redeemed'],
  ['so was one of multiple use', { decision: LIMIT, use: 'multiple', known: [] }, 'redeemed'],
  ['so was one that was valid before', { decision: INVALID, use: 'single', known: [wasValid(99)] }, 'redeemed'],
  ['a deal that rests today tells nothing', { decision: not('DEAL_INACTIVE'), use: 'single', known: [] }, 'unknown'],
  [
    'a code that was invalid before was denied',
    { decision: INVALID, use: 'single', known: [wasInvalid(99)] },
    'denied',
  ],
  [
    'so was one whose redemption was denied before',
    { decision: INVALID, use: 'single', known: [wasDenied(99)] },
    'denied',
  ],
  [
    'what was found after the try began does not tell how it was before',
    { decision: INVALID, use: 'single', known: [wasInvalid(100), wasDenied(101)] },
    'redeemed',
  ],
  [
    'the latest finding before the try counts',
    { decision: INVALID, use: 'single', known: [wasInvalid(150), wasValid(99), wasInvalid(50)] },
    'redeemed',
  ],
  [
    'a code that was denied for another reason has changed since',
    { decision: LIMIT, use: 'single', known: [wasInvalid(99)] },
    'redeemed',
  ],
  [
    'a code of single use that another key had redeemed before was denied',
    { decision: INVALID, use: 'single', known: [wasValid(60), wasRedeemed(50)] },
    'denied',
  ],
  [
    'so was one that another key redeemed later, since then this try cannot have',
    { decision: INVALID, use: 'single', known: [wasRedeemed(120), wasValid(99)] },
    'denied',
  ],
  [
    'an assumption of before counts as well',
    { decision: INVALID, use: 'single', known: [wasRedeemed(50, true)] },
    'denied',
  ],
  [
    'an assumption of later may be about what this try did',
    { decision: INVALID, use: 'single', known: [wasRedeemed(120, true)] },
    'redeemed',
  ],
  [
    'a code of multiple use that was redeemed before may have been once more',
    { decision: LIMIT, use: 'multiple', known: [wasRedeemed(50)] },
    'redeemed',
  ],
  [
    'what is known of another benefit’s code counts for nothing',
    { decision: INVALID, use: 'single', known: [{ ...wasInvalid(99), benefitId: 'OTHER' }] },
    'redeemed',
  ],
];

it.each(cases)('%s', (_, given, verdict) => {
  expect(judgeLostRedemption({ benefitId: 'B', claimedAt: 100, ...given })).toBe(verdict);
});
