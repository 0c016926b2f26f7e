import * as z from 'zod';
import type { EventWords } from './event-words.ts';

const Code = z.object({
  codeHash: z.string(),
  partner: z.string(),
  benefitId: z.string(),
  reason: z.nullable(z.string()),
});
const Verified = Code.extend({ valid: z.boolean() });
const Redeemed = Code.extend({ redeemed: z.boolean(), assumed: z.boolean() });

/** What an event about an offer code tells; undefined for any other. */
export function offerCodeWords(headline: string, data: unknown): EventWords | undefined {
  const verified = headline === 'Offer Code Verified' ? Verified.safeParse(data).data : undefined;
  if (verified) return words(headline, verified, verified.valid ? 'valid' : `not valid: ${String(verified.reason)}`);
  const redeemed = headline === 'Offer Code Redeemed' ? Redeemed.safeParse(data).data : undefined;
  if (!redeemed) return undefined;
  const done = redeemed.assumed ? 'redeemed, as far as can be known' : 'redeemed';
  return words(headline, redeemed, redeemed.redeemed ? done : `not redeemed: ${String(redeemed.reason)}`);
}

function words(headline: string, { codeHash, partner, benefitId }: z.infer<typeof Code>, story: string): EventWords {
  return { headline, title: benefitId, story: `code ${codeHash.slice(0, 8)}… of ${partner}: ${story}` };
}
