import { isDeepStrictEqual } from 'node:util';
import type { Offer } from '../../../lambdas/offer-status/offers.ts';
import type { CheckResult } from '../capability.ts';
import { versionsByWatch } from '../checks/check-versions.ts';
import type { Evidence, OfferVersion, ToldEvent } from './evidence.ts';
import { titleOfWatch } from './evidence.ts';

const SOURCE = 'offer-relay';
/** What an event about an offer that was there before and still is may be. */
const ADDED = 'Offer Added';
const REMOVED = 'Offer Removed';
const LIVE = 'Offer Went Live';
const BLOCKED = 'Offer Blocked';
const MOVED = 'Offer Status Changed';
const WINDOWS = 'Offer Window Changed';

/**
 * What was told follows from the states alone, worked out without any of the stack's code: each offer that differs
 * between two versions has an event with both its states, under the title's own names, and of the type that they call
 * for. And what is on the bus is what the version's row announces.
 */
export function checkTold({
  history,
  events,
  unreadable,
}: Pick<Evidence, 'history' | 'events' | 'unreadable'>): CheckResult {
  const violations = unreadable.map((event) => `an event about a title is of no shape that it may have: ${event}`);
  const counts = { 'changed offers': 0, 'events judged': 0 };
  const byVersion = Map.groupBy(events, ({ detail: { metadata } }) => `${metadata.subject}#${metadata.sequence}`);
  for (const [watchId, rows] of versionsByWatch(history)) {
    for (const [index, row] of rows.entries()) {
      // Behind a gap nobody can say what has changed; the gap is another check's finding.
      if (row.version !== index + 1) break;
      const told = byVersion.get(`watch/${watchId}#${row.version}`) ?? [];
      const before = rows[index - 1]?.after ?? {};
      const name = `${watchId} version ${row.version}`;
      counts['events judged'] += told.length;
      for (const event of told) {
        for (const wrong of misnamed(event, watchId)) violations.push(`${name}: "${event['detail-type']}" ${wrong}`);
      }
      for (const wrong of unannounced(row, told)) violations.push(`${name}: ${wrong}`);
      for (const key of new Set([...Object.keys(before), ...Object.keys(row.after)])) {
        const states = { before: before[key] ?? null, after: row.after[key] ?? null };
        if (isDeepStrictEqual(essence(states.before), essence(states.after))) continue;
        counts['changed offers'] += 1;
        const mine = told.filter((event) => keyOf(event.detail) === nameOf(states.after ?? states.before!));
        if (!mine.some((event) => carries(event, states))) {
          violations.push(`${name}: no event carries what ${key} was and has become`);
        }
        const types = new Set(mine.map((event) => event['detail-type']));
        for (const wrong of mistyped(types, states, row.version === 1)) violations.push(`${name}: ${key} ${wrong}`);
      }
    }
  }
  return { name: 'events tell what changed', counts, violations };
}

interface States {
  readonly before: Offer | null;
  readonly after: Offer | null;
}

/** An offer without what is for information only. */
function essence(offer: Offer | null): unknown {
  if (offer === null) return null;
  const windows = offer.windows.map((window) => ({ ...window, transactionId: null }));
  return { ...offer, windows, licensor: null, updatedAt: null };
}

const nameOf = ({ alid, groupingEntity, marketplace }: Offer): string =>
  JSON.stringify([alid, groupingEntity, marketplace]);
const keyOf = ({ data }: Pick<ToldEvent['detail'], 'data'>): string =>
  JSON.stringify([data.alid, data.groupingEntity, data.marketplace]);

function carries({ detail: { data } }: ToldEvent, { before, after }: States): boolean {
  if (data.truncated) return data.changes.length > 0;
  return isDeepStrictEqual(data.before ?? null, before) && isDeepStrictEqual(data.after ?? null, after);
}

/** What an event says of its title that is not so. */
function misnamed({ source, detail: { data } }: ToldEvent, watchId: string): string[] {
  const title = titleOfWatch(watchId);
  const told = {
    source,
    watchId: data.watchId,
    alid: data.alid,
    licensor: data.licensor,
    marketplace: data.marketplace,
  };
  return Object.entries({ source: SOURCE, watchId, ...title })
    .filter(([name, right]) => told[name as keyof typeof told] !== right)
    .map(([name, right]) => `names the ${name} ${told[name as keyof typeof told]} in place of ${right}`);
}

/** Where the bus and the row's own announcements differ. */
function unannounced(row: OfferVersion, told: readonly ToldEvent[]): string[] {
  const announced = row.events.map(({ detailType, item, about }) => ({
    name: `"${detailType}" of ${item}`,
    meaning: { detailType, ...about, changes: row.changes[item] ?? [] },
  }));
  const onBus = told.map(({ 'detail-type': detailType, detail: { data } }) => {
    const { alid, licensor, marketplace, groupingEntity, changes } = data;
    return {
      name: `"${detailType}" of ${keyOf({ data })}`,
      meaning: { detailType, alid, licensor, marketplace, groupingEntity, changes },
    };
  });
  type Telling = { readonly name: string; readonly meaning: unknown };
  const without = (some: readonly Telling[], others: readonly Telling[]): string[] => [
    ...new Set(
      some
        .filter(({ meaning }) => !others.some((each) => isDeepStrictEqual(each.meaning, meaning)))
        .map(({ name }) => name),
    ),
  ];
  return [
    ...without(announced, onBus).map((name) => `announces what was not told so: ${name}`),
    ...without(onBus, announced).map((name) => `does not announce what was told: ${name}`),
  ];
}

/** Types that two states call for and were not told, and types that were told and that they rule out. */
function mistyped(types: ReadonlySet<string>, { before, after }: States, first: boolean): string[] {
  const calledFor = new Set<string>();
  const allowed = new Set<string>();
  const reached = (code: string, type: string): void => {
    // A first sight tells what is there, and not that it came to be.
    if (first || after === null || !codesOf(after).includes(code)) return;
    if (before === null || (before.status !== code && after.status === code)) calledFor.add(type);
    allowed.add(type);
  };
  reached('Live', LIVE);
  reached('Issue', BLOCKED);
  if (before === null) calledFor.add(ADDED);
  else if (after === null) calledFor.add(REMOVED);
  else {
    allowed.add(MOVED).add(WINDOWS);
    if (before.status !== after.status) calledFor.add(MOVED);
    if (!isDeepStrictEqual(rights(before), rights(after))) calledFor.add(WINDOWS);
  }
  return [
    ...[...calledFor].filter((type) => !types.has(type)).map((type) => `calls for "${type}", which was not told`),
    ...[...types]
      .filter((type) => !calledFor.has(type) && !allowed.has(type))
      .map((type) => `was told as "${type}", which it was not`),
  ];
}

/** Every code that an offer has, be it its own or that of a window. */
const codesOf = (offer: Offer): string[] => [offer.status, ...offer.windows.flatMap(({ status }) => status ?? [])];

/** When and where an offer may be shown, and as what. */
const rights = ({ start, end, windows }: Offer): unknown => ({
  start,
  end,
  windows: windows.map((window) => ({ ...window, status: null, comments: null, transactionId: null })),
});
