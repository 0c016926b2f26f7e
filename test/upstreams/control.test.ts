import { describe, expect, it } from 'vitest';
import type { TitleState } from '../../local/upstreams/simulator.ts';
import { ALID, LICENSOR, controlPath, start, type Started } from './running-simulator.ts';

const OFFER = {
  groupingEntity: null,
  licenseType: 'VOD',
  progressCode: 'Live',
  windows: [{ territories: ['US'], formatProfiles: ['HD'], contractId: 'C-1', start: 'Immediate', end: 'Open' }],
};

async function advance({ control }: Started, times: number, alid = ALID): Promise<TitleState[]> {
  const states: TitleState[] = [];
  for (let step = 0; step < times; step += 1) {
    const { status, json } = await control('POST', `${controlPath(alid)}/advance`);
    expect(status).toBe(200);
    states.push(json as TitleState);
  }
  return states;
}

describe('the control endpoint', () => {
  it('moves a title exactly one step, and the truth remembers every state', async () => {
    const started = await start();
    const states = await advance(started, 10);
    const truth = started.simulator.truth(LICENSOR, ALID);
    expect(states.map((state) => state.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(truth.slice(1)).toEqual(states);
    expect(truth[0]).toMatchObject({ step: 0, event: 'born', known: true });
    const query = `?licensor=${LICENSOR}&alid=${encodeURIComponent(ALID)}`;
    expect((await started.control('GET', `/control/truth${query}`)).json).toEqual({
      titles: [{ licensor: LICENSOR, alid: ALID, marketplace: 'GLOBAL', states: truth }],
    });
  });

  it('gives the same states for the same seed and sequence of advances', async () => {
    const [one, same, other] = [await start({ seed: 9 }), await start({ seed: 9 }), await start({ seed: 10 })];
    const states = await advance(one, 15);
    expect(await advance(same, 15)).toEqual(states);
    expect(await advance(other, 15)).not.toEqual(states);
  });

  it('shows in the answer what the truth says', async () => {
    const started = await start();
    for (let step = 0; step < 20; step += 1) {
      await advance(started, 1);
      const truth = started.simulator.truth(LICENSOR, ALID).at(-1);
      const { json } = await started.getTitle();
      const answered = (json as { OfferStatuses: Record<string, unknown>[] }).OfferStatuses.map((offer) => ({
        groupingEntity: offer['GroupingEntity'] ?? null,
        progressCode: (offer['OverallStatus'] as Record<string, unknown>)['ProgressCode'],
        licenseType: (offer['Transaction'] as Record<string, unknown>[])[0]?.['LicenseType'],
        windows: (offer['Transaction'] as Record<string, unknown>[])
          .map((window) => ({
            contractId: window['ContractID'],
            territories: [...(window['Territory'] as string[])].sort(),
            formatProfiles: (window['FormatProfile'] as { value: string[] }[]).flatMap(({ value }) => value).sort(),
            start: (window['FeatureStatus'] as Record<string, unknown>)['Start'],
            end: (window['FeatureStatus'] as Record<string, unknown>)['End'],
          }))
          .sort(byText),
      }));
      const expected = truth?.offers.map(({ windows, ...offer }) => ({
        ...offer,
        windows: windows
          .map((window) => ({
            ...window,
            territories: [...window.territories].sort(),
            formatProfiles: [...window.formatProfiles].sort(),
          }))
          .sort(byText),
      }));
      expect(answered.sort(byText)).toEqual(expected?.sort(byText));
    }
  });

  it('sets a state outright, words for dates and unknown codes included', async () => {
    const started = await start();
    const offer = { ...OFFER, progressCode: 'Something-New' };
    expect((await started.control('PUT', controlPath(), { offers: [offer] })).json).toMatchObject({
      step: 1,
      event: 'set',
    });
    expect((await started.getTitle()).json).toMatchObject({
      OfferStatuses: [{ OverallStatus: { Start: 'Immediate', End: 'Open', ProgressCode: 'Something-New' } }],
    });
    await advance(started, 30);
  });

  it('re-stamps the offers that a step changed', async () => {
    const started = await start();
    await started.control('PUT', controlPath(), { offers: [OFFER] });
    started.clock.pass(5000);
    await started.control('PUT', controlPath(), { offers: [{ ...OFFER, progressCode: 'Issue' }] });
    expect((await started.getTitle()).json).toMatchObject({
      OfferStatuses: [{ OverallStatus: { _timestamp: new Date(started.clock.now()).toISOString() } }],
    });
  });

  it('makes a title unknown and known again', async () => {
    const started = await start();
    expect((await started.control('DELETE', controlPath())).json).toMatchObject({ event: 'deleted', known: false });
    expect((await started.getTitle()).status).toBe(404);
    expect((await started.control('POST', `${controlPath()}/advance`)).status).toBe(409);
    await started.control('PUT', controlPath(), { offers: [OFFER] });
    expect((await started.getTitle()).status).toBe(200);
    expect(started.simulator.truth(LICENSOR, ALID).map((state) => state.event)).toEqual(['born', 'deleted', 'set']);
  });

  it('adds many titles at once and leaves existing ones as they are', async () => {
    const started = await start();
    await advance(started, 1);
    const many = Array.from({ length: 1000 }, (_, index) => ({ licensor: LICENSOR, alid: `new/${index}` }));
    const answer = await started.control('POST', '/control/titles', [...many, { licensor: LICENSOR, alid: ALID }]);
    expect(answer).toMatchObject({ status: 201, json: { added: 1000, existing: 1 } });
    expect((await started.getTitle('', 'new/999')).status).toBe(200);
    expect(started.simulator.truth(LICENSOR, ALID)).toHaveLength(2);
  });

  it('changes the tempo, so that a test can stop the world and compare', async () => {
    const started = await start();
    await started.control('PUT', '/control/tempo', { tempo: 600 });
    started.clock.pass(60_000);
    const steps = started.simulator.truth(LICENSOR, ALID).length;
    expect(steps).toBeGreaterThan(400);
    await started.control('PUT', '/control/tempo', { tempo: 0 });
    started.clock.pass(60_000);
    expect(started.simulator.truth(LICENSOR, ALID)).toHaveLength(steps);
  });

  it('says what is wrong with a request', async () => {
    const { control, simulator } = await start();
    const error = { error: expect.any(String) as string };
    expect(await control('GET', '/control/nothing')).toMatchObject({ status: 404, json: error });
    expect(await control('POST', '/control/requests')).toMatchObject({ status: 405, json: error });
    expect(await control('GET', '/control/requests?after=x')).toMatchObject({ status: 400, json: error });
    expect(await control('PUT', controlPath(), { offers: [{}] })).toMatchObject({ status: 400, json: error });
    expect(await control('POST', `${controlPath('nothing')}/advance`)).toMatchObject({ status: 404, json: error });
    expect(await control('GET', '/control/truth?licensor=a&alid=b')).toMatchObject({ status: 404, json: error });
    const broken = await fetch(`${simulator.controlUrl}/control/titles`, { method: 'POST', body: '{' });
    expect(broken.status).toBe(400);
    expect(() => simulator.truth('a', 'b')).toThrow('never was');
    expect(() => simulator.credentials('nobody')).toThrow('no account');
  });
});

function byText(one: unknown, other: unknown): number {
  return canonical(one) < canonical(other) ? -1 : 1;
}

/** JSON whose keys are in alphabetical order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort())
      : inner,
  );
}
