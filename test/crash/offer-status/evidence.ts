import * as z from 'zod';
import type { Offers } from '../../../lambdas/offer-status/offers.ts';
import type { TitleState } from '../../../local/upstreams/simulator.ts';
import type { Head, RunEvidence, Version } from '../checks/evidence.ts';
import type { Fact } from '../facts.ts';

/** What the identifiers of this capability's watches begin with. */
export const WATCH_PREFIX = 'title|';

/** A head whose state is offers. */
export type OfferHead = Omit<Head, 'state'> & { readonly state?: Offers | undefined };

/** A version whose state is offers. */
export type OfferVersion = Omit<Version, 'after'> & { readonly after: Offers };

/** An event as the bus has taken it. */
export const ToldEvent = z.object({
  'detail-type': z.string(),
  source: z.string(),
  detail: z.looseObject({
    metadata: z.looseObject({ id: z.string(), subject: z.string(), sequence: z.number() }),
    data: z.looseObject({
      watchId: z.string(),
      alid: z.string(),
      licensor: z.string(),
      marketplace: z.string(),
      groupingEntity: z.string().nullable(),
      before: z.unknown(),
      after: z.unknown(),
      changes: z.array(z.unknown()),
      truncated: z.boolean(),
    }),
  }),
});
export type ToldEvent = z.infer<typeof ToldEvent>;

/** Everything that a run leaves behind: besides what all capabilities do, what was told, and what was true. */
export interface Evidence extends RunEvidence {
  readonly heads: readonly OfferHead[];
  readonly history: readonly OfferVersion[];
  readonly events: readonly ToldEvent[];
  /** Events about titles that are of no shape that they may have, as text. */
  readonly unreadable: readonly string[];
  /** Every state of each watch, oldest first. */
  readonly truth: ReadonlyMap<string, readonly TitleState[]>;
}

/** The title of `title|licensor|marketplace|alid`, taken apart without the product's own code. */
export function titleOfWatch(watchId: string): { licensor: string; marketplace: string; alid: string } {
  const [, licensor = '', marketplace = '', alid = ''] = watchId.split('|').map(decodeURIComponent);
  return { licensor, marketplace, alid };
}

const Subject = z.looseObject({ detail: z.looseObject({ metadata: z.looseObject({ subject: z.string() }) }) });

/** The events about titles; what others have put on the bus is theirs. */
export function toldEvents(facts: readonly Fact[]): Pick<Evidence, 'events' | 'unreadable'> {
  const events: ToldEvent[] = [];
  const unreadable: string[] = [];
  for (const fact of facts) {
    if (fact.kind !== 'event') continue;
    const subject = Subject.safeParse(fact.event).data?.detail.metadata.subject;
    if (!subject?.startsWith(`watch/${WATCH_PREFIX}`)) continue;
    const event = ToldEvent.safeParse(fact.event);
    if (event.success) events.push(event.data);
    else unreadable.push(`${JSON.stringify(fact.event)}: ${z.prettifyError(event.error)}`);
  }
  return { events, unreadable };
}
