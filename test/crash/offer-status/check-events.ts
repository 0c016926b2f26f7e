import { isDeepStrictEqual } from 'node:util';
import { eventId } from '../../../lambdas/change-events/change-event.ts';
import { compareOffers } from '../../../lambdas/offer-status/compare-offers.ts';
import { announceOfferEvents } from '../../../lambdas/offer-status/offer-events.ts';
import type { CheckResult } from '../capability.ts';
import { versionsByWatch } from '../checks/check-versions.ts';
import type { Evidence, OfferVersion, ToldEvent } from './evidence.ts';

/**
 * Every version has told its events, at least once, and nothing else has been told. What a version has to tell is
 * worked out anew with the product's own comparison; that each version tells something, that its events carry its number
 * and its states, and that repeats are the same in every byte of their meaning is looked at without it.
 */
export function checkEvents({ history, events }: Pick<Evidence, 'history' | 'events'>): CheckResult {
  const violations: string[] = [];
  const told = Map.groupBy(events, (event) => event.detail.metadata.id);
  const byVersion = Map.groupBy(events, ({ detail: { metadata } }) => `${metadata.subject}#${metadata.sequence}`);
  const expectedIds = new Set<string>();
  for (const [watchId, rows] of versionsByWatch(history)) {
    for (const [index, row] of rows.entries()) {
      // Behind a gap nobody can say what has changed; the gap is another check's finding.
      if (row.version !== index + 1) break;
      const before = rows[index - 1];
      const wanted = expectedOf(row, before);
      if (wanted.length === 0 && Object.keys(row.after).length > 0) {
        violations.push(`${watchId} version ${row.version}: announces nothing`);
      }
      if (!byVersion.has(`watch/${watchId}#${row.version}`) && wanted.length > 0) {
        violations.push(`${watchId} version ${row.version}: nothing of it is on the bus`);
      }
      for (const { id, detailType, item } of wanted) {
        expectedIds.add(id);
        const [event] = told.get(id) ?? [];
        if (event === undefined) {
          violations.push(`${watchId} version ${row.version}: "${detailType}" of ${item} is not on the bus`);
          continue;
        }
        const wrong = mistold(event, row, before, item, detailType);
        if (wrong !== undefined) violations.push(`${watchId} version ${row.version}: "${detailType}" ${wrong}`);
      }
    }
  }
  for (const [id, same] of told) {
    const [first] = same;
    if (first === undefined) continue;
    const { subject, sequence } = first.detail.metadata;
    if (!expectedIds.has(id)) {
      violations.push(`${subject} version ${sequence}: "${first['detail-type']}" (${id}) belongs to no version`);
    }
    if (same.some((event) => !isDeepStrictEqual(meaning(event), meaning(first)))) {
      violations.push(`${subject} version ${sequence}: ${id} was told again with another content`);
    }
  }
  for (const [what, same] of Map.groupBy(events, identity)) {
    const ids = new Set(same.map((event) => event.detail.metadata.id));
    if (ids.size > 1) violations.push(`${what}: has ${ids.size} identifiers`);
  }
  const counts = { events: told.size, 'told again': events.length - told.size };
  return { name: 'events of every version', counts, violations };
}

function expectedOf(row: OfferVersion, before: OfferVersion | undefined) {
  const changes = compareOffers(before?.after ?? null, row.after);
  const first = row.version === 1;
  return announceOfferEvents({ first, before: before?.after ?? null, after: row.after, changes }).map((event) => ({
    ...event,
    id: eventId(`watch/${row.watchId}`, row.version, event.detailType, event.item),
  }));
}

/** What is wrong with an event, by what its row and the row before hold. */
function mistold(
  event: ToldEvent,
  row: OfferVersion,
  before: OfferVersion | undefined,
  item: string,
  detailType: string,
): string | undefined {
  const { metadata, data } = event.detail;
  if (event['detail-type'] !== detailType) return `was told as "${event['detail-type']}"`;
  if (metadata.subject !== `watch/${row.watchId}`) return `names ${metadata.subject}`;
  if (metadata.sequence !== row.version) return `carries the number ${metadata.sequence}`;
  if (metadata['observedAt'] !== row.observedAt) return 'carries another time than its version';
  if (!isDeepStrictEqual(data.after ?? null, row.after[item] ?? null)) return 'does not hold the state of its version';
  if (!isDeepStrictEqual(data.before ?? null, before?.after[item] ?? null)) {
    return 'does not hold the state of the version before';
  }
  return undefined;
}

function meaning({ source, detail, 'detail-type': detailType }: ToldEvent): unknown {
  return { source, detailType, detail };
}

/** What must always have one identifier. */
function identity(event: ToldEvent): string {
  const { metadata, data } = event.detail;
  const offer = [data.alid, data.groupingEntity ?? '-', data.marketplace].join(' ');
  return `${metadata.subject} version ${metadata.sequence}: "${event['detail-type']}" of ${offer}`;
}
