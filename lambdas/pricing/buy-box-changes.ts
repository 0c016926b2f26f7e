import { matchRows, type RowDifference } from './match-rows.ts';
import { rowKey } from './price-rows.ts';
import type { BuyBox } from './price-snapshot.ts';
import { rowDiffers, sameWinners } from './row-differences.ts';

/** A Buy Box that differs, and what that means for the account. */
export interface BuyBoxChange extends RowDifference<BuyBox> {
  readonly outcome: 'won' | 'lost' | 'moved';
}

/**
 * Finds the Buy Boxes again that differ. Up to two sellers share one, each with a row of its own: rows of the same winners
 * belong together, then rows that both are the account's or both are not. A box for business customers may go from an
 * offer for businesses to one for everybody, and is the same one.
 */
export function changedBoxes(before: readonly BuyBox[], after: readonly BuyBox[]): BuyBoxChange[] {
  const isEqual = (from: BuyBox, to: BuyBox): boolean => !rowDiffers.buyBox(from, to);
  const isSameMine = (from: BuyBox, to: BuyBox): boolean => from.mine === to.mine;
  const isSame = (from: BuyBox, to: BuyBox): boolean => isSameMine(from, to) && sameWinners(from, to);
  const found = matchRows(before, after, rowKey.buyBox, isEqual, isSame, isSameMine, sameWinners);
  return acrossCustomerTypes(found).map((sides) => ({ outcome: outcome(sides, before, after), ...sides }));
}

/** The differences, with a box that has gone and one that has come, alike but for the customer type, as one. */
function acrossCustomerTypes(differences: readonly RowDifference<BuyBox>[]): RowDifference<BuyBox>[] {
  const come = new Set(differences.flatMap(({ from, to }) => (from === null && to !== null ? [to] : [])));
  const moved = differences.map((sides): RowDifference<BuyBox> => {
    const { from, to } = sides;
    if (from === null || to !== null) return sides;
    const others = [...come].filter((box) => isSameBox(box, from));
    const next = others.find(({ mine }) => mine === from.mine) ?? others[0];
    if (next === undefined) return sides;
    come.delete(next);
    return { from, to: next };
  });
  return moved.filter(({ from, to }) => from !== null || (to !== null && come.has(to)));
}

/**
 * What a difference means for the account, who may hold a box by another of its rows: it is lost or won only where the
 * account is in it on one side and certainly not on the other.
 */
function outcome(
  { from, to }: RowDifference<BuyBox>,
  before: readonly BuyBox[],
  after: readonly BuyBox[],
): BuyBoxChange['outcome'] {
  const [was, is] = [held(before, from ?? to), held(after, to ?? from)];
  if (to?.mine === true && was === false) return 'won';
  return from?.mine === true && is === false ? 'lost' : 'moved';
}

/** Whether the account is in a Buy Box; null where nobody can tell. */
function held(boxes: readonly BuyBox[], sought: BuyBox | null): boolean | null {
  const same = boxes.filter((box) => sought !== null && isSameBox(box, sought));
  const ofType = same.filter(({ customerType }) => customerType === sought?.customerType);
  const mine = (ofType.length > 0 ? ofType : same).map((box) => box.mine);
  if (mine.includes(true)) return true;
  return mine.includes(null) ? null : false;
}

/** Whether two rows are of one box, whatever kind of offer is in it. */
function isSameBox(one: BuyBox, other: BuyBox): boolean {
  return one.condition === other.condition && one.quantityTier === other.quantityTier;
}
