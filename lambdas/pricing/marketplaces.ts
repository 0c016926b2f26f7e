/** Regions of SP-API, each with its own endpoint ("SP-API Endpoints"). */
export const REGIONS = ['na', 'eu', 'fe'] as const;
export type Region = (typeof REGIONS)[number];

export interface Marketplace {
  /** Amazon's identifier, as requests carry it. */
  readonly id: string;
  /** Two letters; the United Kingdom is UK, as in Seller Central. */
  readonly country: string;
  readonly region: Region;
}

const IDS: Readonly<Record<Region, Readonly<Record<string, string>>>> = {
  na: { CA: 'A2EUQ1WTGCTBG2', US: 'ATVPDKIKX0DER', MX: 'A1AM78C64UM0Y8', BR: 'A2Q3Y263D00KWC' },
  eu: {
    IE: 'A28R8C7NBKEWEA',
    ES: 'A1RKKUPIHCS9HS',
    UK: 'A1F83G8C2ARO7P',
    FR: 'A13V1IB3VIYZZH',
    BE: 'AMEN7PMS3EDWL',
    NL: 'A1805IZSGTT6HS',
    DE: 'A1PA6795UKMFR9',
    IT: 'APJ6JRA9NG5V4',
    SE: 'A2NODRKZP88ZB9',
    ZA: 'AE08WJ6YKNBMC',
    PL: 'A1C3SOZRARQ6R3',
    EG: 'ARBP9OOSHTCHU',
    TR: 'A33AVAJ2PDY3EV',
    SA: 'A17E79C6D8DWNP',
    AE: 'A2VIGQ35RCS4UG',
    IN: 'A21TJRUUN4KGV',
  },
  fe: { SG: 'A19VAU5U5O7RUS', AU: 'A39IBJ37TRP1C6', JP: 'A1VC38T7YXB528' },
};

/** The 23 marketplaces ("Marketplace IDs"). */
export const MARKETPLACES: readonly Marketplace[] = REGIONS.flatMap((region) =>
  Object.entries(IDS[region]).map(([country, id]) => ({ id, country, region })),
);

/** The marketplace with this identifier or country code (GB is taken for UK), or undefined. */
export function marketplaceOf(text: string): Marketplace | undefined {
  const code = text.toUpperCase() === 'GB' ? 'UK' : text.toUpperCase();
  return MARKETPLACES.find(({ id, country }) => id === text || country === code);
}

/** SP-API's endpoint of a region. */
export function endpointOf(region: Region, sandbox: boolean): string {
  return `https://${sandbox ? 'sandbox.' : ''}sellingpartnerapi-${region}.amazon.com`;
}
