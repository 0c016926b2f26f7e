import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_OFFERS, MAX_WINDOWS } from '../../local/upstreams/offer-status/birth.ts';
import { beginLife, nextStep, type Life } from '../../local/upstreams/offer-status/life.ts';
import { offerKey, type OfferState } from '../../local/upstreams/offer-status/title-state.ts';
import { createRandom } from '../../local/upstreams/seeded-random.ts';

const seeds = fc.integer();
const CLOSED = { openWindows: false };

function live(seed: number, steps: number, rules = { openWindows: true }): (Life & { event: string })[] {
  const lives = [{ ...beginLife(createRandom(seed, 0), rules), event: 'born' }];
  for (let step = 1; step <= steps; step += 1) {
    lives.push(nextStep(lives.at(-1) as Life, createRandom(seed, step), rules));
  }
  return lives;
}

/** What a state means, whatever the order of its arrays. */
function meaning(offers: readonly OfferState[]): string {
  const windows = (offer: OfferState): string[] =>
    offer.windows
      .map(({ territories, formatProfiles, contractId, start, end }) =>
        JSON.stringify([[...territories].sort(), [...formatProfiles].sort(), contractId, start, end]),
      )
      .sort();
  return JSON.stringify(offers.map((offer) => [offerKey(offer), offer.progressCode, windows(offer)]).sort());
}

describe("a title's life", () => {
  it('is the same for the same seed and steps', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(live(seed, 30)).toEqual(live(seed, 30));
      }),
      { numRuns: 30 },
    );
  });

  it('differs for another seed', () => {
    expect(meaning(live(1, 0)[0]?.offers ?? [])).not.toBe(meaning(live(2, 0)[0]?.offers ?? []));
  });

  it('changes its meaning at every step', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const meanings = live(seed, 60).map(({ offers }) => meaning(offers));
        for (const [index, now] of meanings.entries()) expect(now).not.toBe(meanings[index + 1]);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps its bounds, distinct offers, distinct windows and windows that end after they begin', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        for (const { offers } of live(seed, 60)) {
          expect(offers.length).toBeGreaterThanOrEqual(1);
          expect(offers.length).toBeLessThanOrEqual(MAX_OFFERS);
          expect(new Set(offers.map(offerKey)).size).toBe(offers.length);
          for (const offer of offers) {
            expect(offer.groupingEntity !== null).toBe(offer.licenseType === 'SVOD');
            expect(['In-Process', 'Ready', 'Live', 'Issue']).toContain(offer.progressCode);
            expect(offer.windows.length).toBeGreaterThanOrEqual(1);
            expect(offer.windows.length).toBeLessThanOrEqual(MAX_WINDOWS);
            const identities = offer.windows.map(
              (window) => `${window.contractId} ${[...window.territories].sort().join()}`,
            );
            expect(new Set(identities).size).toBe(offer.windows.length);
            for (const window of offer.windows) {
              expect(window.territories.length).toBeGreaterThan(0);
              expect(new Set(window.territories).size).toBe(window.territories.length);
              expect(new Set(window.formatProfiles).size).toBe(window.formatProfiles.length);
              if (window.start && window.end) expect(window.start < window.end).toBe(true);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('never has a window without dates when the answers have no word for one', () => {
    for (const { offers } of live(7, 300, CLOSED)) {
      for (const offer of offers) for (const window of offer.windows) expect(window).not.toMatchObject({ end: null });
    }
  });

  it('sees everything that can happen', () => {
    const events = new Set([1, 2, 3, 4, 5].flatMap((seed) => live(seed, 400).map(({ event }) => event)));
    expect([...events].sort()).toEqual(
      [
        'became-ready',
        'born',
        'format-gained',
        'issue-being-resolved',
        'issue-found',
        'issue-resolved',
        'offer-added',
        'offer-removed',
        'territory-gained',
        'territory-lost',
        'went-live',
        'window-added',
        'window-ended',
        'window-moved',
        'window-removed',
        'window-renewed',
      ].sort(),
    );
  });
});
