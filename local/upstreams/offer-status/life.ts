import type { Random } from '../seeded-random.ts';
import { bornOffers, type LifeRules } from './birth.ts';
import { OFFER_EVENTS, TITLE_EVENTS, type Happening } from './life-events.ts';
import { hasOpenWindow, type OfferState } from './title-state.ts';

/** A title's present: its offers, and the day on its own calendar, which only moves forward. */
export interface Life {
  today: number;
  offers: readonly OfferState[];
}

export function beginLife(random: Random, rules: LifeRules): Life {
  return { today: 0, offers: bornOffers(random, rules) };
}

/**
 * The next step of a life: exactly one thing happens, and it always changes what the offers mean.
 * A pure function: the same life, the same random stream, the same next life.
 */
export function nextStep(life: Life, random: Random, rules: LifeRules): Life & { event: string } {
  const today = life.today + random.integer(0, 3);
  const candidates: { weight: number; happening: Happening }[] = [];
  for (const [index, offer] of life.offers.entries()) {
    for (const { weight, attempt } of OFFER_EVENTS) {
      const outcome = attempt({ offer, today, random, rules });
      if (!outcome) continue;
      const offers = life.offers.map((other, position) => (position === index ? outcome.offer : other));
      const happening = { event: outcome.event, offers, today: outcome.today ?? today };
      candidates.push({ weight: weight(offer), happening });
    }
  }
  for (const { weight, attempt } of TITLE_EVENTS) {
    const happening = attempt({ offers: life.offers, today, random, rules });
    if (happening) candidates.push({ weight, happening });
  }
  return settle(pickByWeight(candidates, random));
}

/** After the calendar or the windows moved, an offer without any open window is no longer live. */
function settle(happening: Happening): Happening {
  const offers = happening.offers.map((offer) => {
    if (offer.progressCode !== 'Live' || offer.windows.length === 0) return offer;
    return hasOpenWindow(offer, happening.today) ? offer : { ...offer, progressCode: 'Ready' };
  });
  return { ...happening, offers };
}

function pickByWeight(candidates: { weight: number; happening: Happening }[], random: Random): Happening {
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let rest = random.next() * total;
  for (const { weight, happening } of candidates) {
    rest -= weight;
    if (rest < 0) return happening;
  }
  const last = candidates.at(-1);
  if (!last) throw new Error('Nothing can happen to this title.');
  return last.happening;
}
