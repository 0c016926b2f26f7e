import { describe, expect, it } from 'vitest';
import { answerDrift, answerErrors, OfferStatusAnswer } from '../../lambdas/offer-status/offer-status-answer.ts';
import { normaliseOffers } from '../../lambdas/offer-status/offers.ts';

const transaction = {
  ContractID: 'C1',
  FeatureStatus: { Comments: null, Start: '2026-01-01', End: '2026-12-31', ProgressCode: null, _timestamp: 'x' },
  FormatProfile: ['HD'],
  LicenseType: 'EST',
  Territory: ['US'],
};
const offer = {
  ALID: 'A1',
  Licensor: { DisplayName: 'Acme', OrganizationID: 'acme' },
  OverallStatus: { ProgressCode: 'Live', Start: '2026-01-01', End: '2026-12-31' },
  PlatformID: ['gti.1'],
  Transaction: [transaction],
};
const answer = (offerFields: object = {}, transactionFields: object = {}) => ({
  OfferStatuses: [{ ...offer, Transaction: [{ ...transaction, ...transactionFields }], ...offerFields }],
});
const drift = (value: unknown) => answerDrift(OfferStatusAnswer.parse(value));
const windowOf = (fields: object) => {
  const parsed = OfferStatusAnswer.parse(answer({}, fields));
  const { offers } = normaliseOffers(parsed, { licensor: 'acme', marketplace: 'US', alid: 'A1' });
  return Object.values(offers)[0]?.windows[0];
};

describe('an answer', () => {
  it.each([
    ['one text', 'hd', ['HD']],
    ['one value', { value: 'HD' }, ['HD']],
    ['a list of values', { value: ['SD', 'HD', 'HD'] }, ['HD', 'SD']],
    ['a list of texts', ['UHD', ' SD '], ['SD', 'UHD']],
    ['a list of any of them', ['UHD', { value: 'SD' }, { value: ['HD', 'MAX'] }], ['HD', 'MAX', 'SD', 'UHD']],
    ['nothing', null, []],
  ])('may give format profiles as %s', (_, FormatProfile, formatProfiles) => {
    expect(windowOf({ FormatProfile })).toMatchObject({ formatProfiles });
  });

  it.each([
    ['texts', ['us', 'CA', 'US']],
    ['objects', [{ country: 'US' }, { country: 'ca' }]],
    ['both', ['US', { country: 'CA' }]],
  ])('may give territories as %s', (_, Territory) => {
    expect(windowOf({ Territory })).toMatchObject({ territories: ['CA', 'US'] });
  });

  it.each(['ProgressCode', 'Progress Code'])(
    'may give %s and End on the transaction or within FeatureStatus',
    (name) => {
      const expected = { status: 'Ready', end: '2027-01-01T00:00:00.000Z' };
      expect(windowOf({ [name]: 'Ready', End: '2027-01-01', FeatureStatus: { Start: '2026-01-01' } })).toMatchObject(
        expected,
      );
      expect(windowOf({ FeatureStatus: { [name]: 'Ready', End: '2027-01-01' } })).toMatchObject(expected);
      expect(
        windowOf({ End: '2030-01-01', [name]: 'Issue', FeatureStatus: { [name]: 'Ready', End: '2027-01-01' } }),
      ).toMatchObject(expected);
    },
  );

  it.each(['TransactionID', '_TransactionID'])('may name the window by %s', (name) => {
    expect(windowOf({ [name]: 'T1' })).toMatchObject({ transactionId: 'T1' });
  });

  it('may leave out whatever a snapshot can do without', () => {
    const bare = { OverallStatus: { ProgressCode: 'Live' }, Transaction: [{ LicenseType: 'EST', Territory: [] }] };
    expect(OfferStatusAnswer.safeParse({ OfferStatuses: [bare] }).success).toBe(true);
  });

  it.each([
    ['an offer without a status', answer({ OverallStatus: undefined })],
    ['a status without a code', answer({ OverallStatus: { ProgressCode: ' ' } })],
    ['an offer without windows, which would remove them', answer({ Transaction: undefined })],
    ['a window without a licence type', answer({}, { LicenseType: undefined })],
    ['a window without territories', answer({}, { Territory: undefined })],
    ['a date that is no text', answer({}, { FeatureStatus: { Start: 7 } })],
    ['a format profile without a value', answer({}, { FormatProfile: [{}] })],
    ['platform identifiers that are no list', answer({ PlatformID: 'gti.1' })],
  ])('may not be %s', (_, value) => {
    expect(OfferStatusAnswer.safeParse(value).success).toBe(false);
  });
});

describe('the errors of an answer', () => {
  it.each([
    ['one', ['one']],
    [
      ['one', ' two '],
      ['one', 'two'],
    ],
    [[{ code: 'X' }], ['{"code":"X"}']],
    [{ code: 'X' }, ['{"code":"X"}']],
    [null, []],
    ['', []],
    [' ', []],
    [[], []],
    [['', null], []],
    [{}, []],
    [undefined, []],
  ])('in %j are %j', (errors, found) => {
    expect(answerErrors({ errors })).toEqual(found);
  });
});

describe('drift', () => {
  it('is nothing for what the document describes', () => {
    expect(drift(answer())).toEqual([]);
    expect(
      drift({ ...answer({}, { Territory: [{ country: 'US' }], FormatProfile: { value: ['HD'] } }), errors: 'x' }),
    ).toEqual([]);
  });

  it('names unknown values, which survive', () => {
    const fields = {
      LicenseType: 'avod',
      FormatProfile: ['8k'],
      FeatureStatus: { End: 'someday', ProgressCode: 'On Hold' },
    };
    expect(drift(answer({ OverallStatus: { ProgressCode: 'Paused' } }, fields))).toEqual([
      'FormatProfile=8K',
      'LicenseType=AVOD',
      'ProgressCode=On Hold',
      'ProgressCode=Paused',
    ]);
    expect(windowOf(fields)).toMatchObject({
      licenseType: 'AVOD',
      formatProfiles: ['8K'],
      end: 'SOMEDAY',
      status: 'On Hold',
    });
  });

  it('names unknown fields by their place, positions aside', () => {
    const value = {
      ...answer(
        { Foo: 1, Licensor: { Foo: 1 }, OverallStatus: { ProgressCode: 'Live', Foo: 1 } },
        {
          Foo: 1,
          FeatureStatus: { Foo: 1 },
          Territory: [{ country: 'US', Foo: 1 }],
          FormatProfile: [{ value: 'HD', Foo: 1 }],
        },
      ),
      nextToken: 'x',
    };
    value.OfferStatuses.push(...structuredClone(value.OfferStatuses));
    expect(drift(value)).toEqual([
      'field Licensor.Foo',
      'field OfferStatuses[].Foo',
      'field OverallStatus.Foo',
      'field Transaction[].FeatureStatus.Foo',
      'field Transaction[].Foo',
      'field Transaction[].FormatProfile[].Foo',
      'field Transaction[].Territory[].Foo',
      'field nextToken',
    ]);
  });

  it('is bounded in number and length', () => {
    const fields = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${'x'.repeat(200)}${index}`, 1]));
    const codes = Array.from({ length: 100 }, (_, index) => ({
      ...transaction,
      LicenseType: `${index}${'y'.repeat(200)}`,
    }));
    const found = drift(answer({ ...fields, Transaction: codes }));
    expect(found).toHaveLength(20);
    expect(Math.max(...found.map((text) => text.length))).toBeLessThanOrEqual(100);
  });

  it('names unknown words in place of dates with the snapshot, which keeps them', () => {
    const overall = { ProgressCode: 'Live', Start: 'open', End: 'whenever' };
    const parsed = OfferStatusAnswer.parse(
      answer({ OverallStatus: overall }, { FeatureStatus: { Start: '2026-02-30' } }),
    );
    const { drift: surprises, offers } = normaliseOffers(parsed, { licensor: 'acme', marketplace: 'US', alid: 'A1' });
    expect(surprises).toEqual(['End=WHENEVER', 'Start=2026-02-30']);
    expect(Object.values(offers)).toMatchObject([{ end: 'WHENEVER', windows: [{ start: '2026-02-30' }] }]);
  });
});
