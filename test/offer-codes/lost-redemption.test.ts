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
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** What was known when the try began, and later: `ago` and `on` are milliseconds from then. */
const CLAIMED = Date.parse('2026-03-01T12:00:00Z');
const ago = (ms: number): number => CLAIMED - ms;
const on = (ms: number): number => CLAIMED + ms;

/** The history is given as it is read: newest first. */
const cases: [string, Pick<LostRedemption, 'decision' | 'use' | 'known'> & Partial<LostRedemption>, Verdict][] = [
  ['a valid code of single use was not redeemed', { decision: valid, use: 'single', known: [] }, 'notYet'],
  ['a valid code of multiple use tells nothing', { decision: valid, use: 'multiple', known: [] }, 'unknown'],
  ['a code that is not valid any more was redeemed', { decision: INVALID, use: 'single', known: [] }, 'redeemed'],
  ['so was one of multiple use', { decision: LIMIT, use: 'multiple', known: [] }, 'redeemed'],
  [
    'so was one that was valid before',
    { decision: INVALID, use: 'single', known: [wasValid(ago(MINUTE))] },
    'redeemed',
  ],
  ['a deal that rests today tells nothing', { decision: not('DEAL_INACTIVE'), use: 'single', known: [] }, 'unknown'],
  [
    'nor does one that rests since the code was found valid',
    { decision: not('DEAL_INACTIVE'), use: 'single', known: [], foundValid: true },
    'unknown',
  ],
  [
    'a code that was invalid just before was denied',
    { decision: INVALID, use: 'single', known: [wasInvalid(ago(MINUTE))] },
    'denied',
  ],
  [
    'so was one whose redemption was denied just before',
    { decision: INVALID, use: 'multiple', known: [wasDenied(ago(MINUTE))] },
    'denied',
  ],
  [
    'a code that was invalid ten minutes before may have begun to hold since',
    { decision: INVALID, use: 'single', known: [wasInvalid(ago(10 * MINUTE + 1))] },
    'redeemed',
  ],
  [
    'a code that was over its limit before may have been within it when the try began',
    { decision: LIMIT, use: 'multiple', known: [known(ago(MINUTE), { valid: false, reason: 'EXCEEDED_USAGE_LIMIT' })] },
    'redeemed',
  ],
  [
    'a code that has been found valid since was not invalid before',
    { decision: INVALID, use: 'single', known: [wasInvalid(ago(MINUTE))], foundValid: true },
    'redeemed',
  ],
  [
    'what was found after the try began does not tell how it was before',
    { decision: INVALID, use: 'single', known: [wasDenied(on(MINUTE)), wasInvalid(on(6 * SECOND))] },
    'redeemed',
  ],
  [
    'what a clock five seconds off may have found after the try began is not known to be of before',
    { decision: INVALID, use: 'single', known: [wasInvalid(ago(5 * SECOND))] },
    'redeemed',
  ],
  [
    'what is further back than clocks differ is',
    { decision: INVALID, use: 'single', known: [wasInvalid(ago(5 * SECOND + 1))] },
    'denied',
  ],
  [
    'a valid code that a clock five seconds off found just before, though dated later, was redeemed',
    { decision: INVALID, use: 'single', known: [wasValid(on(5 * SECOND)), wasInvalid(ago(MINUTE))] },
    'redeemed',
  ],
  [
    'what agrees within those seconds takes nothing from what is known',
    { decision: INVALID, use: 'single', known: [wasInvalid(on(SECOND)), wasInvalid(ago(MINUTE))] },
    'denied',
  ],
  [
    'the latest finding before the try counts',
    {
      decision: INVALID,
      use: 'single',
      known: [wasInvalid(on(MINUTE)), wasValid(ago(MINUTE)), wasInvalid(ago(2 * MINUTE))],
    },
    'redeemed',
  ],
  [
    'a code that was denied for another reason has changed since',
    { decision: LIMIT, use: 'single', known: [wasInvalid(ago(MINUTE))] },
    'redeemed',
  ],
  ...[ago(60 * MINUTE), ago(SECOND), on(SECOND), on(60 * MINUTE)].flatMap((at) =>
    [false, true].flatMap((assumed) =>
      [false, true].map((foundValid): [string, LostRedemption, Verdict] => [
        `a code of single use that another key redeemed was denied: ${JSON.stringify({ after: at - CLAIMED, assumed, foundValid })}`,
        {
          benefitId: 'B',
          claimedAt: CLAIMED,
          decision: INVALID,
          use: 'single',
          known: [wasRedeemed(at, assumed), wasValid(ago(120 * MINUTE))],
          foundValid,
        },
        'denied',
      ]),
    ),
  ),
  [
    'a code of multiple use that was redeemed before may have been once more',
    { decision: LIMIT, use: 'multiple', known: [wasRedeemed(ago(MINUTE))] },
    'redeemed',
  ],
  [
    'what is known of another benefit’s code counts for nothing',
    { decision: INVALID, use: 'single', known: [{ ...wasInvalid(ago(MINUTE)), benefitId: 'OTHER' }] },
    'redeemed',
  ],
];

it.each(cases)('%s', (_, given, verdict) => {
  expect(judgeLostRedemption({ benefitId: 'B', claimedAt: CLAIMED, foundValid: false, ...given })).toBe(verdict);
});
