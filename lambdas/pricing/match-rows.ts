import { rowText } from './price-rows.ts';

/** A row that differs: as it was and as it is, null where there was or is none. */
export interface RowDifference<Row> {
  readonly from: Row | null;
  readonly to: Row | null;
}

/**
 * Finds the rows of a list again among those of the next snapshot and returns those that differ. Equal rows are the
 * same; then, among rows with one key, each preference pairs what it holds for, the last of them whatever is left.
 * Both lists are in canonical order, each row once.
 */
export function matchRows<Row>(
  before: readonly Row[],
  after: readonly Row[],
  key: (row: Row) => string,
  ...preferences: readonly ((from: Row, to: Row) => boolean)[]
): RowDifference<Row>[] {
  const [textsBefore, textsAfter] = [new Set(before.map(rowText)), new Set(after.map(rowText))];
  const left = Map.groupBy(
    before.filter((row) => !textsAfter.has(rowText(row))),
    key,
  );
  const right = Map.groupBy(
    after.filter((row) => !textsBefore.has(rowText(row))),
    key,
  );
  return [...new Set([...left.keys(), ...right.keys()])]
    .sort()
    .flatMap((each) => pairs(left.get(each) ?? [], right.get(each) ?? [], [...preferences, () => true]));
}

function pairs<Row>(
  before: readonly Row[],
  after: readonly Row[],
  preferences: readonly ((from: Row, to: Row) => boolean)[],
): RowDifference<Row>[] {
  const partner = new Map<Row, Row>();
  const taken = new Set<Row>();
  for (const prefers of preferences) {
    for (const from of before) {
      if (partner.has(from)) continue;
      const to = after.find((row) => !taken.has(row) && prefers(from, row));
      if (to === undefined) continue;
      partner.set(from, to);
      taken.add(to);
    }
  }
  return [
    ...before.map((from) => ({ from, to: partner.get(from) ?? null })),
    ...after.filter((row) => !taken.has(row)).map((to) => ({ from: null, to })),
  ];
}
