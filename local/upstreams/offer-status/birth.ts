import type { Random } from '../seeded-random.ts';
import { FORMAT_PROFILES, dateOfDay, offerKey, type OfferState, type WindowState } from './title-state.ts';

/** Bounds of a title. */
export const MAX_OFFERS = 4;
export const MAX_WINDOWS = 6;

export const TERRITORIES = [
  'US', 'CA', 'MX', 'BR', 'GB', 'IE', 'DE', 'AT', 'FR', 'ES', 'PT', 'IT', 'NL', 'BE', 'SE', 'NO', 'DK', 'FI', 'PL',
  'IN', 'JP', 'AU', 'NZ', 'ZA',
] as const; // prettier-ignore

const CHANNELS = ['prime', 'cinemax-channel', 'docubay-channel', 'horror-vault', 'kids-corner', 'silver-screen'];
const LICENSE_TYPES = ['SVOD', 'SVOD', 'SVOD', 'EST', 'VOD', 'POEST', 'FVOD'];

/** Whether windows may lack an end or say `Open`-like words, which the strict answer shape has no room for. */
export interface LifeRules {
  openWindows: boolean;
}

/** A title's offers on the first day of its life. */
export function bornOffers(random: Random, rules: LifeRules): OfferState[] {
  const count = random.integer(1, MAX_OFFERS);
  const offers: OfferState[] = [];
  while (offers.length < count) {
    const offer = newOffer(offers, 0, random, rules);
    if (offer) offers.push(offer);
  }
  return offers;
}

/** An offer for a business line that the title does not have yet; undefined when the draw fell on one it has. */
export function newOffer(
  existing: readonly OfferState[],
  today: number,
  random: Random,
  rules: LifeRules,
): OfferState | undefined {
  const licenseType = random.pick(LICENSE_TYPES);
  const groupingEntity = licenseType === 'SVOD' ? random.pick(CHANNELS) : null;
  const progressCode = random.pick(['In-Process', 'In-Process', 'Ready', 'Live', 'Live']);
  const contractId = newContractId(random);
  const windows: WindowState[] = [];
  const count = random.integer(1, MAX_WINDOWS);
  for (let index = 0; index < count; index += 1) {
    // The first window of a live offer has opened already; all others may lie ahead.
    const start =
      progressCode === 'Live' && index === 0 ? today - random.integer(10, 300) : today + random.integer(5, 90);
    windows.push(newWindow(windows, contractId, start, random, rules));
  }
  const offer = { groupingEntity, licenseType, progressCode, windows };
  return existing.some((other) => offerKey(other) === offerKey(offer)) ? undefined : offer;
}

/** A window in territories that the offer's other windows leave free, so that windows can be told apart. */
export function newWindow(
  siblings: readonly WindowState[],
  contractId: string,
  start: number,
  random: Random,
  rules: LifeRules,
): WindowState {
  const free = random.shuffled(freeTerritories(siblings));
  const territories = free.slice(0, random.integer(1, 4));
  const formats = FORMAT_PROFILES.slice(0, random.integer(1, FORMAT_PROFILES.length));
  const isOpen = rules.openWindows && random.chance(0.2);
  return {
    territories,
    formatProfiles: random.chance(0.3) ? formats.slice(-1) : formats,
    contractId,
    start: dateOfDay(start),
    end: isOpen ? null : dateOfDay(start + random.integer(320, 1100)),
  };
}

export function freeTerritories(windows: readonly WindowState[]): string[] {
  const taken = new Set(windows.flatMap((window) => window.territories));
  return TERRITORIES.filter((territory) => !taken.has(territory));
}

export function newContractId(random: Random): string {
  return `CON-${random.integer(1_000_000, 9_999_999)}`;
}
