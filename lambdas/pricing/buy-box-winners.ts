import { compareAmounts } from '../shared/money.ts';
import { compareText, rowText } from './price-rows.ts';
import type { BuyBox, BuyBoxWinner, ListedOffer } from './price-snapshot.ts';

/** An offer, and whether it says that it is in the Buy Box; null where it does not say. */
interface Listed {
  readonly offer: ListedOffer;
  readonly wins: boolean | null;
}

/** What the offers are about. */
interface Asked {
  readonly condition: string | undefined;
  readonly customerType: string;
}

/**
 * Buy Boxes with everybody who is in them. A Buy Box names one seller at most; there may be a second one, since offers
 * with and without Prime win for themselves, and the offers tell both. Where nobody who is listed is in a Buy Box, it is
 * somebody else's as soon as the account's own offers all say that they are not in it.
 *
 * @param boxes each with the one winner at most that it names itself
 */
export function withWinners(boxes: readonly BuyBox[], listed: readonly Listed[], asked: Asked): BuyBox[] {
  const offers = listed.map(({ offer }) => offer);
  const winning = offers.filter((offer) => offer.buyBoxWinner === true);
  const won = Map.groupBy(winning, (offer) => boxOf(boxes, offer, asked));
  return boxes.map((box) => {
    const inBox = won.get(box) ?? [];
    const sellers = new Set([
      ...box.winners.map(({ sellerId }) => sellerId),
      ...inBox.flatMap((offer) => offer.sellerId ?? []),
    ]);
    const winners = [...sellers].sort(compareText).map((sellerId) => winner(sellerId, winning));
    const nameless = inBox.filter(({ sellerId }) => sellerId === undefined);
    const each = [...winners.map(({ sellerId }) => mineOf(sellerId, box, offers)), ...nameless.map(({ mine }) => mine)];
    return { ...box, mine: each.length === 0 && isPassedOver(box, listed, asked) ? false : anyMine(each), winners };
  });
}

function isPassedOver(box: BuyBox, listed: readonly Listed[], asked: Asked): boolean {
  const own = listed.filter(({ offer }) => offer.mine === true && mayWin(offer, box, asked));
  return own.length > 0 && own.every(({ wins }) => wins === false);
}

/** Whether a Buy Box is one that an offer may win: for single items, of the condition asked for. */
function mayWin(offer: ListedOffer, box: BuyBox, asked: Asked): boolean {
  return (
    box.condition === asked.condition &&
    box.customerType === (offer.customerType ?? asked.customerType) &&
    box.quantityTier === undefined
  );
}

/** The Buy Box for single items that an offer has won: by its seller, else by its price, else the first. */
function boxOf(boxes: readonly BuyBox[], offer: ListedOffer, asked: Asked): BuyBox | undefined {
  // The order that decides must not hang on what is never compared.
  const text = (box: BuyBox): string => rowText({ ...box, discountType: undefined });
  const open = boxes
    .filter((box) => mayWin(offer, box, asked))
    .sort((left, right) => compareText(text(left), text(right)));
  return (
    open.find((box) => box.winners.some(({ sellerId }) => sellerId === offer.sellerId)) ??
    open.find((box) => compareAmounts(box.landed, offer.landed) === 0) ??
    open[0]
  );
}

function winner(sellerId: string, winning: readonly ListedOffer[]): BuyBoxWinner {
  const primes = winning.flatMap((offer) => (offer.sellerId === sellerId ? (offer.prime ?? []) : []));
  return { sellerId, ...(primes.length > 0 && { prime: primes.some((prime) => prime !== 'none') }) };
}

/** Whether a winner is the account itself: by what its offers say, else by what the Buy Box says. */
function mineOf(sellerId: string, box: BuyBox, offers: readonly ListedOffer[]): boolean | null {
  const told = offers.filter((offer) => offer.sellerId === sellerId).map(({ mine }) => mine);
  if (told.includes(true)) return true;
  if (told.includes(false)) return false;
  return box.winners.some((one) => one.sellerId === sellerId) ? box.mine : null;
}

function anyMine(each: readonly (boolean | null)[]): boolean | null {
  if (each.includes(true)) return true;
  return each.length > 0 && each.every((mine) => mine === false) ? false : null;
}
