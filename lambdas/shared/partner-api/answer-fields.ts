import * as z from 'zod/mini';

/** Shapes of the bodies of successes, by operation and HTTP status; an answer without a body has none. */
export type AnswerBodies = Readonly<Record<string, Readonly<Record<number, z.core.$ZodType>>>>;

/** A page: its items, and the cursor of the next one. */
export const pageOf = <Item extends z.core.$ZodType>(item: Item) =>
  z.object({
    items: z.array(item),
    next: z.nullable(z.string()).check(z.describe('Cursor of the next page; null where this one is the last.')),
  });

/** Why a watch gets no answers although the upstream works. */
export const WatchProblem = z.object({
  code: z.string(),
  message: z.string(),
  since: z.string().check(z.describe('ISO instant.')),
});

/** What the list says of every watch. */
export const watchFields = {
  watchId: z.string().check(z.describe("The watch's identifier, as events name it.")),
  version: z.int().check(z.describe('Versions recorded so far; 0 before the first.')),
  changedAt: z
    .nullable(z.string())
    .check(z.describe('ISO instant at which the latest version was recorded; null before the first.')),
  queue: z
    .string()
    .check(z.describe('new: not seen yet. urgent: looked at again soon. steady: the rest. invalid: not asked about.')),
  problem: z.nullable(WatchProblem),
} as const;

/** What a version of a history holds besides its state and its changes. */
export const versionFields = {
  version: z.int().check(z.positive()),
  observedAt: z.string().check(z.describe('ISO instant at which it was recorded.')),
  events: z.array(z.string()).check(z.describe('Detail types of the events that told of it.')),
} as const;

/** An accepted wish to look at once. */
export const CheckAccepted = z.object({
  watchId: z.string(),
  requestedAt: z.string().check(z.describe('ISO instant. Wishes for one watch within half a minute are one.')),
});
export type CheckAccepted = z.infer<typeof CheckAccepted>;
