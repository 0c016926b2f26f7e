import { describe, expect, it } from 'vitest';
import type { BusEvent } from '../../local/cloud/cloud.ts';
import { eventWords } from '../../local/event-words.ts';

const window = { licenseType: 'SVOD', territories: ['US', 'GB'] };
const offer = (status: string) => ({ status, windows: [window] });

function event(detailType: string, data: Record<string, unknown>): BusEvent {
  return {
    version: '0',
    id: '1',
    'detail-type': detailType,
    source: 'offer-relay',
    account: '000000000000',
    time: '2026-01-01T00:00:00Z',
    region: 'us-east-1',
    resources: [],
    detail: { data: { alid: 'A1', groupingEntity: 'channel', before: null, after: null, changes: [], ...data } },
  };
}

const words = (detailType: string, data: Record<string, unknown>): string[] =>
  Object.values(
    eventWords(event(detailType, data), (alid) => (alid === 'A1' ? 'The Quiet Harbour' : undefined)) as object,
  ) as string[];

describe('events in plain words', () => {
  it('tells a new offer by its title, place and status', () => {
    expect(words('Offer Added', { after: offer('Ready') })).toEqual([
      'Offer Added',
      'The Quiet Harbour',
      'SVOD channel in GB, US: Ready',
    ]);
  });

  it('tells what moved, from where to where, and sums up a long list', () => {
    const changes = [
      { change: 'statusMoved', from: 'Ready', to: 'Live' },
      { change: 'territoriesGained', territories: ['DE', 'FR'] },
      { change: 'windowMoved', from: {}, to: { start: '2026-03-01T00:00:00.000Z', end: null } },
      { change: 'somethingNew' },
    ];
    expect(words('Offer Status Changed', { before: offer('Ready'), after: offer('Live'), changes })[2]).toBe(
      'SVOD channel in GB, US: Ready → Live, gained DE, FR, window moved to 2026-03-01 – open and 1 more',
    );
  });

  it('begins with what the headline is about, and gives a window without a status the offer’s', () => {
    const changes = [
      { change: 'territoriesLost', territories: ['AT', 'BE', 'CH', 'DE', 'FR'] },
      { change: 'windowStatusMoved', from: 'Ready', to: null },
    ];
    const data = { before: offer('In-Process'), after: offer('Live'), changes };
    expect(words('Offer Went Live', data)[2]).toContain(': a window Ready → Live, lost AT, BE, CH, DE and 1 more');
    expect(words('Offer Window Changed', data)[2]).toContain(': lost AT, BE, CH, DE and 1 more, a window Ready → Live');
  });

  it('names the format profiles that came and went', () => {
    const changes = [
      { change: 'formatProfilesGained', formatProfiles: ['MAX', 'UHD'] },
      { change: 'formatProfilesLost', formatProfiles: ['SD'] },
      { change: 'platformIdsGained', platformIds: ['gti.1'] },
    ];
    expect(words('Offer Window Changed', { after: offer('Live'), changes })[2]).toBe(
      'SVOD channel in GB, US: gained MAX, UHD, lost SD, platform ids gained',
    );
  });

  it('tells a removed offer by what it was', () => {
    expect(words('Offer Removed', { before: offer('Live'), changes: [{ change: 'offerRemoved' }] })[2]).toBe(
      'SVOD channel in GB, US',
    );
  });

  it('keeps to the detail-type where it does not know the event', () => {
    const strange = { ...event('Order Created', {}), detail: { anything: true } };
    expect(eventWords(strange, () => undefined)).toEqual({
      headline: 'Order Created',
      title: 'offer-relay',
      story: '',
    });
  });
});
