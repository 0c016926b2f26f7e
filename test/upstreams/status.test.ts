import { describe, expect, it } from 'vitest';
import { ACCOUNT, ALID, LICENSOR, controlPath, start, titlePath } from './running-simulator.ts';

const OFFERS = [
  {
    groupingEntity: 'silver-screen',
    licenseType: 'SVOD',
    progressCode: 'Live',
    windows: [
      { territories: ['US', 'CA'], formatProfiles: ['HD', 'UHD'], contractId: 'C-1', start: '2026-01-05T00:00:00Z', end: '2027-01-05T00:00:00Z' },
      { territories: ['DE'], formatProfiles: ['SD'], contractId: 'C-2', start: '2026-03-01T00:00:00Z', end: '2028-03-01T00:00:00Z' },
    ],
  },
  {
    groupingEntity: null,
    licenseType: 'EST',
    progressCode: 'Ready',
    windows: [
      { territories: ['GB'], formatProfiles: ['SD'], contractId: 'C-3', start: '2026-06-01T00:00:00Z', end: '2029-06-01T00:00:00Z' },
    ],
  },
]; // prettier-ignore

interface Body {
  OfferStatuses: { GroupingEntity?: string; Transaction: { ContractID: string; Territory: string[] }[] }[];
}

function contracts(json: unknown): string[] {
  return (json as Body).OfferStatuses.flatMap((offer) => offer.Transaction.map((window) => window.ContractID)).sort();
}

describe('the status of a title', () => {
  it('has the shape of the document', async () => {
    const { getTitle, control, clock } = await start();
    clock.pass(1500);
    await control('PUT', controlPath(), { offers: OFFERS });
    const { status, json, headers } = await getTitle('?territory=DE');
    const stamp = new Date(clock.now()).toISOString();
    const boundaries = { Start: '2026-03-01T00:00:00Z', End: '2028-03-01T00:00:00Z' };
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(json).toEqual({
      OfferStatuses: [
        {
          ALID,
          GroupingEntity: 'silver-screen',
          Licensor: { DisplayName: 'Example Studios', OrganizationID: LICENSOR },
          OverallStatus: { Comments: null, ...boundaries, ProgressCode: 'Live', _timestamp: stamp },
          PlatformID: expect.toSatisfy(
            (ids: string[]) => ids.length > 0 && ids.every((id) => /^amzn1\.dv\.gti\.[0-9a-f-]{36}$/.test(id)),
          ) as string[],
          Transaction: [
            {
              ContractID: 'C-2',
              FeatureStatus: { Comments: null, ...boundaries, ProgressCode: null, _timestamp: stamp },
              End: boundaries.End,
              ProgressCode: 'Live',
              _timestamp: stamp,
              FormatProfile: [{ value: ['SD'] }],
              LicenseType: 'SVOD',
              Territory: ['DE'],
              TransactionID: null,
            },
          ],
        },
      ],
    });
  });

  it('spans all windows in its overall dates', async () => {
    const { getTitle, control } = await start();
    await control('PUT', controlPath(), { offers: OFFERS.slice(0, 1) });
    expect((await getTitle()).json).toMatchObject({
      OfferStatuses: [{ OverallStatus: { Start: '2026-01-05T00:00:00Z', End: '2028-03-01T00:00:00Z' } }],
    });
  });

  it('holds every offer, or those of one territory', async () => {
    const { getTitle, control } = await start();
    await control('PUT', controlPath(), { offers: OFFERS });
    expect(contracts((await getTitle()).json)).toEqual(['C-1', 'C-2', 'C-3']);
    expect(contracts((await getTitle('?territory=CA')).json)).toEqual(['C-1']);
    expect(contracts((await getTitle('?territory=GB&marketplace=GLOBAL')).json)).toEqual(['C-3']);
    expect((await getTitle('?territory=FR')).json).toEqual({ OfferStatuses: [] });
  });

  it('comes in another order every time', async () => {
    const { getTitle, control } = await start();
    await control('PUT', controlPath(), { offers: OFFERS });
    const orders = new Set<string>();
    for (let index = 0; index < 20; index += 1) {
      const { json } = await getTitle();
      orders.add(
        (json as Body).OfferStatuses.flatMap((offer) => offer.Transaction.map((window) => window.Territory)).join(),
      );
    }
    expect(orders.size).toBeGreaterThan(3);
  });

  it('is a 400 with errors for a marketplace or territory that does not exist', async () => {
    const { getTitle } = await start();
    for (const query of [
      '?marketplace=FR',
      '?marketplace=',
      '?territory=usa',
      '?territory=us',
      '?territory=US&territory=GB',
    ]) {
      expect(await getTitle(query)).toMatchObject({ status: 400, json: { errors: expect.any(String) as string } });
    }
  });

  it('is a 404 for an unknown title, and for a known one in another marketplace', async () => {
    const { getTitle } = await start({
      offerStatus: { titles: [{ licensor: LICENSOR, alid: 'jp-only', marketplace: 'JP' }] },
    });
    expect(await getTitle('', 'nothing')).toMatchObject({
      status: 404,
      json: { errors: expect.any(String) as string },
    });
    expect(await getTitle('', 'jp-only')).toMatchObject({ status: 404 });
    expect(await getTitle('?marketplace=JP', 'jp-only')).toMatchObject({ status: 200 });
  });

  it('decodes path segments exactly once', async () => {
    const { get } = await start({
      offerStatus: { titles: ['a/b', 'c%2Fd', '..'].map((alid) => ({ licensor: LICENSOR, alid })) },
    });
    expect((await get(titlePath('a/b'))).status).toBe(200);
    expect((await get(titlePath('c%2Fd'))).status).toBe(200);
    expect((await get(`/v1/avails/${LICENSOR}/status/a%252Fb`)).status).toBe(404);
    expect((await get(`/v1/avails/${LICENSOR}/status/c%2Fd`)).status).toBe(404);
    expect((await get(`/v1/avails/${LICENSOR}/status/a/b`)).status).toBe(404);
    expect((await get(`/v1/avails/${LICENSOR}/status/..`)).status).toBe(200);
    expect((await get(`/v1/avails/${LICENSOR}/status/%zz`)).status).toBe(400);
  });

  it('is offered to GET only, and nothing else is offered', async () => {
    const { get } = await start();
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect(await get(titlePath(), { method })).toMatchObject({ status: 405, headers: { allow: 'GET' } });
    }
    expect((await get('/v2/anything')).status).toBe(404);
    expect((await get(`/v1/avails/${LICENSOR}/status/`)).status).toBe(404);
  });
});

describe('the mixed dialect', () => {
  const titles = Array.from({ length: 80 }, (_, index) => ({ licensor: LICENSOR, alid: `title-${index}` }));

  it('shows every tolerated spelling somewhere in a catalogue', async () => {
    const { getTitle } = await start({ offerStatus: { titles, dialect: 'mixed' } });
    const seen = new Set<string>();
    for (const { alid } of titles) {
      const { json } = await getTitle('', alid);
      for (const offer of (json as { OfferStatuses: Record<string, unknown>[] }).OfferStatuses) note(offer, seen);
      const missing = await getTitle('', `no-${alid}`);
      seen.add(`errors:${Array.isArray((missing.json as { errors: unknown }).errors) ? 'list' : 'string'}`);
    }
    expect([...seen].sort()).toEqual(
      [
        'End:date', 'End:missing', 'End:word', 'FormatProfile:array of objects', 'FormatProfile:array of strings',
        'FormatProfile:array of {value: []}', 'FormatProfile:object', 'FormatProfile:string', 'FormatProfile:{value: []}',
        'OrganizationID', 'OrganizationID missing', 'Progress Code', 'ProgressCode', 'Territory:objects', 'Territory:strings',
        'TransactionID', '_TransactionID', 'errors:list', 'errors:string', 'fields in FeatureStatus', 'fields on Transaction',
      ].sort(),
    ); // prettier-ignore
  });

  it('is the same for the same title every time', async () => {
    const [one, other] = [
      await start({ offerStatus: { titles, dialect: 'mixed' } }),
      await start({ offerStatus: { titles, dialect: 'mixed' } }),
    ];
    for (const { alid } of titles.slice(0, 10)) {
      expect((await one.getTitle('', alid)).text).toBe((await other.getTitle('', alid)).text);
    }
  });

  function note(offer: Record<string, unknown>, seen: Set<string>): void {
    const overall = offer['OverallStatus'] as Record<string, unknown>;
    for (const key of ['ProgressCode', 'Progress Code']) if (key in overall) seen.add(key);
    seen.add('OrganizationID' in (offer['Licensor'] as object) ? 'OrganizationID' : 'OrganizationID missing');
    const end = overall['End'];
    seen.add(typeof end !== 'string' ? 'End:missing' : Number.isNaN(Date.parse(end)) ? 'End:word' : 'End:date');
    for (const window of offer['Transaction'] as Record<string, unknown>[]) {
      const featureStatus = window['FeatureStatus'] as Record<string, unknown>;
      if ('_timestamp' in window) seen.add('fields on Transaction');
      if ('_timestamp' in featureStatus) seen.add('fields in FeatureStatus');
      for (const key of ['TransactionID', '_TransactionID']) if (key in window) seen.add(key);
      const [territory] = window['Territory'] as unknown[];
      seen.add(`Territory:${typeof territory === 'string' ? 'strings' : 'objects'}`);
      seen.add(`FormatProfile:${spelling(window['FormatProfile'])}`);
    }
  }

  function spelling(profile: unknown): string {
    if (typeof profile === 'string') return 'string';
    if (!Array.isArray(profile)) return Array.isArray((profile as { value: unknown }).value) ? '{value: []}' : 'object';
    const [first] = profile as unknown[];
    if (typeof first === 'string') return 'array of strings';
    return Array.isArray((first as { value: unknown }).value) ? 'array of {value: []}' : 'array of objects';
  }
});

describe('the arrival log', () => {
  it('tells who asked for what and when, and can be followed', async () => {
    const { getTitle, clock, simulator, control } = await start();
    const first = clock.now();
    await getTitle();
    clock.pass(250);
    await getTitle('', 'nothing');
    expect(simulator.requests()).toEqual({
      total: 2,
      byStatus: { 200: 1, 404: 1 },
      tlsRejected: 0,
      accounts: { [ACCOUNT.name]: { total: 2, byStatus: { 200: 1, 404: 1 } } },
      arrivals: [
        { number: 1, at: first, account: ACCOUNT.name, licensor: LICENSOR, alid: ALID, outcome: 200 },
        { number: 2, at: first + 250, account: ACCOUNT.name, licensor: LICENSOR, alid: 'nothing', outcome: 404 },
      ],
      forgotten: 0,
    });
    expect((await control('GET', '/control/requests')).json).toEqual(simulator.requests());
    expect((await control('GET', '/control/requests?after=1')).json).toMatchObject({ arrivals: [{ number: 2 }] });
  });
});
