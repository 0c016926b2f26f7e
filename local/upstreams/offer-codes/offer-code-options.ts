import * as z from 'zod';

export const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const text = z.string().min(1);
const Weekdays = z.array(z.enum(WEEKDAYS));

/** The deal behind the codes of one benefit. */
export const Deal = z
  .strictObject({
    marketplace: text,
    /** Whether one redemption uses a code up. */
    use: z.enum(['single', 'multiple']),
    /** Redemptions that each code of multiple use allows. @default without end */
    usageLimit: z.int().min(1).optional(),
    /** @default every day */
    activeWeekdays: Weekdays.optional(),
  })
  .refine(({ use, usageLimit }) => use === 'multiple' || usageLimit === undefined, {
    path: ['usageLimit'],
    message: 'A code of single use has no usage limit.',
  });
export type Deal = z.infer<typeof Deal>;
export type BenefitOptions = Deal & { readonly id: string };

/** What is particular to one code. */
export const CodeTerms = z.strictObject({
  /** Milliseconds since the epoch, or a date and time in ISO 8601. From then on the code has expired. @default never */
  expiresAt: z.union([z.number(), z.iso.datetime({ offset: true }).transform((date) => Date.parse(date))]).optional(),
  /** Overrides the benefit's. */
  activeWeekdays: Weekdays.optional(),
  /** What every verification and redemption answers, whatever else is true of the code: a denial with a reason of its own. */
  message: text.optional(),
  /** How often it has been redeemed already. @default 0 */
  redeemed: z.int().min(0).max(1_000_000).default(0),
});
export type CodeTerms = z.infer<typeof CodeTerms>;

export const CodeOptions = CodeTerms.extend({ benefit: text, code: text });
export type CodeOptions = z.input<typeof CodeOptions>;
