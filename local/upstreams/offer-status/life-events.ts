import type { Random } from '../seeded-random.ts';
import {
  MAX_OFFERS,
  MAX_WINDOWS,
  freeTerritories,
  newContractId,
  newOffer,
  newWindow,
  type LifeRules,
} from './birth.ts';
import {
  FORMAT_PROFILES,
  dateOfDay,
  dayOfDate,
  hasOpenWindow,
  type OfferState,
  type WindowState,
} from './title-state.ts';

interface Situation {
  today: number;
  random: Random;
  rules: LifeRules;
}

/** What a step did to a title. */
export interface Happening {
  event: string;
  today: number;
  offers: readonly OfferState[];
}

interface OfferOutcome {
  event: string;
  offer: OfferState;
  /** The event itself may take the calendar forward: a window opens on its first day. */
  today?: number;
}

interface OfferEvent {
  weight(offer: OfferState): number;
  attempt(situation: Situation & { offer: OfferState }): OfferOutcome | undefined;
}

interface TitleEvent {
  weight: number;
  attempt(situation: Situation & { offers: readonly OfferState[] }): Happening | undefined;
}

const always = (weight: number) => (): number => weight;

/** What can happen to one offer. Each attempt changes the offer's meaning, or is impossible and undefined. */
export const OFFER_EVENTS: readonly OfferEvent[] = [
  // Most of what happens to an offer on its way to the storefront is progress; a live one seldom breaks.
  { weight: (offer) => (offer.progressCode === 'Live' ? 0.5 : 6), attempt: progress },
  { weight: always(1.5), attempt: moveWindow },
  { weight: always(1), attempt: addWindow },
  { weight: always(0.4), attempt: withdrawWindow },
  { weight: always(0.6), attempt: endWindow },
  { weight: always(1), attempt: gainFormat },
  { weight: always(0.8), attempt: gainTerritory },
  { weight: always(0.5), attempt: loseTerritory },
];

/** What can happen to the list of offers. */
export const TITLE_EVENTS: readonly TitleEvent[] = [
  { weight: 0.4, attempt: addOffer },
  { weight: 0.2, attempt: removeOffer },
];

function progress({ offer, today, random }: Situation & { offer: OfferState }): OfferOutcome {
  const become = (progressCode: string, event: string, day = today): OfferOutcome => ({
    event,
    offer: { ...offer, progressCode },
    today: day,
  });
  switch (offer.progressCode) {
    case 'In-Process':
      return random.chance(0.75) ? become('Ready', 'became-ready') : become('Issue', 'issue-found');
    case 'Ready':
      if (random.chance(0.15)) return become('Issue', 'issue-found');
      return become('Live', 'went-live', Math.max(today, firstDay(offer) ?? today));
    case 'Issue':
      if (random.chance(0.4)) return become('In-Process', 'issue-being-resolved');
      return become(hasOpenWindow(offer, today) ? 'Live' : 'Ready', 'issue-resolved');
    case 'Live':
      return become('Issue', 'issue-found');
    default:
      return become('In-Process', 'processing-began');
  }
}

function firstDay(offer: OfferState): number | undefined {
  const days = offer.windows.flatMap((window) => dayOfDate(window.start) ?? []);
  return days.length === 0 ? undefined : Math.min(...days);
}

function moveWindow({ offer, random }: Situation & { offer: OfferState }): OfferOutcome | undefined {
  return changeWindow(offer, random, 'window-moved', (window) => {
    const start = dayOfDate(window.start);
    const end = dayOfDate(window.end);
    const by = random.integer(7, 60) * (random.chance(0.5) ? 1 : -1);
    // The first day of an offer that is on sale is history; it can only change for one that is not.
    if (start !== undefined && offer.progressCode !== 'Live' && random.chance(0.5)) {
      return end !== undefined && start + by >= end ? undefined : { ...window, start: dateOfDay(start + by) };
    }
    if (end === undefined) return undefined;
    const moved = start !== undefined && end + by <= start ? end - by : end + by;
    return { ...window, end: dateOfDay(moved) };
  });
}

function addWindow({ offer, today, random, rules }: Situation & { offer: OfferState }): OfferOutcome | undefined {
  if (offer.windows.length >= MAX_WINDOWS) return undefined;
  // A window whose end is another's beginning has its renewal already.
  const renewed = offer.windows.find(({ end }) => offer.windows.every(({ start }) => start !== end));
  const renewalStart = renewed && dayOfDate(renewed.end);
  if (renewed && renewalStart !== undefined && random.chance(0.4)) {
    const contractId = newContractId(random);
    const end = dateOfDay(renewalStart + random.integer(320, 730));
    const renewal: WindowState = { ...renewed, contractId, start: dateOfDay(renewalStart), end };
    return { event: 'window-renewed', offer: { ...offer, windows: [...offer.windows, renewal] } };
  }
  if (freeTerritories(offer.windows).length === 0) return undefined;
  const contractId = offer.windows[0]?.contractId ?? newContractId(random);
  const added = newWindow(offer.windows, contractId, today + random.integer(5, 90), random, rules);
  return { event: 'window-added', offer: { ...offer, windows: [...offer.windows, added] } };
}

function withdrawWindow({ offer, random }: Situation & { offer: OfferState }): OfferOutcome | undefined {
  if (offer.windows.length < 2) return undefined;
  const gone = random.pick(offer.windows);
  return { event: 'window-removed', offer: without(offer, gone) };
}

function endWindow({ offer, today }: Situation & { offer: OfferState }): OfferOutcome | undefined {
  if (offer.progressCode !== 'Live' || offer.windows.length < 2) return undefined;
  let ended: { window: WindowState; end: number } | undefined;
  for (const window of offer.windows) {
    const end = dayOfDate(window.end);
    if (end !== undefined && (!ended || end < ended.end)) ended = { window, end };
  }
  if (!ended) return undefined;
  return { event: 'window-ended', offer: without(offer, ended.window), today: Math.max(today, ended.end) };
}

function without(offer: OfferState, gone: WindowState): OfferState {
  return { ...offer, windows: offer.windows.filter((window) => window !== gone) };
}

function gainFormat({ offer, random }: Situation & { offer: OfferState }): OfferOutcome | undefined {
  return changeWindow(offer, random, 'format-gained', (window) => {
    const missing = FORMAT_PROFILES.filter((format) => !window.formatProfiles.includes(format));
    if (missing.length === 0) return undefined;
    return { ...window, formatProfiles: [...window.formatProfiles, random.pick(missing)] };
  });
}

function gainTerritory({ offer, random }: Situation & { offer: OfferState }): OfferOutcome | undefined {
  const free = freeTerritories(offer.windows);
  if (free.length === 0) return undefined;
  return changeWindow(offer, random, 'territory-gained', (window) => ({
    ...window,
    territories: [...window.territories, random.pick(free)],
  }));
}

function loseTerritory({ offer, random }: Situation & { offer: OfferState }): OfferOutcome | undefined {
  return changeWindow(offer, random, 'territory-lost', (window) => {
    if (window.territories.length < 2) return undefined;
    const lost = random.pick(window.territories);
    return { ...window, territories: window.territories.filter((territory) => territory !== lost) };
  });
}

function changeWindow(
  offer: OfferState,
  random: Random,
  event: string,
  change: (window: WindowState) => WindowState | undefined,
): OfferOutcome | undefined {
  if (offer.windows.length === 0) return undefined;
  const chosen = random.pick(offer.windows);
  const changed = change(chosen);
  if (!changed) return undefined;
  const windows = offer.windows.map((window) => (window === chosen ? changed : window));
  return { event, offer: { ...offer, windows } };
}

function addOffer({
  offers,
  today,
  random,
  rules,
}: Situation & { offers: readonly OfferState[] }): Happening | undefined {
  if (offers.length >= MAX_OFFERS) return undefined;
  const added = newOffer(offers, today, random, rules);
  return added && { event: 'offer-added', today, offers: [...offers, added] };
}

function removeOffer({ offers, today, random }: Situation & { offers: readonly OfferState[] }): Happening | undefined {
  if (offers.length < 2) return undefined;
  const gone = random.pick(offers);
  return { event: 'offer-removed', today, offers: offers.filter((offer) => offer !== gone) };
}
