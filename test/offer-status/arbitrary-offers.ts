import * as fc from 'fast-check';
import type { OfferStatusAnswer } from '../../lambdas/offer-status/offer-status-answer.ts';
import { offerKey, type Offer, type Offers } from '../../lambdas/offer-status/offers.ts';
import { canonicalWindows, sortedSet, type Window } from '../../lambdas/offer-status/offer-windows.ts';

// Few values, so that windows of one identity, equal dates and overlapping territories are common.
const instants = ['2026-01-01T00:00:00.000Z', '2026-03-01T08:30:00.000Z', '2026-06-30T22:00:00.500Z'];
const start = fc.constantFrom(null, 'Immediate', 'TBD', ...instants);
const end = fc.constantFrom(null, 'Open', 'TBD', ...instants);
const status = fc.constantFrom('Live', 'Issue', 'Ready', 'In-Process', 'Paused');
const comments = fc.constantFrom(null, 'rights missing', 'artwork missing', 'subtitles missing\nartwork missing');
const set = (values: string[], minLength = 0) => fc.subarray(values, { minLength }).map(sortedSet);

const plain = <T>(fields: { [Name in keyof T]: fc.Arbitrary<T[Name]> }) => fc.record(fields, { noNullPrototype: true });

const window: fc.Arbitrary<Window> = plain({
  contractId: fc.constantFrom(null, 'C1', 'C2'),
  licenseType: fc.constantFrom('SVOD', 'EST'),
  territories: set(['AU', 'GB', 'US'], 1),
  formatProfiles: set(['HD', 'SD', 'UHD']),
  start,
  end,
  status: fc.option(status),
  comments,
  transactionId: fc.constantFrom(null, 'T1', 'T2'),
});

const offer: fc.Arbitrary<Offer> = plain({
  alid: fc.constantFrom('A|1', 'A/2'),
  groupingEntity: fc.constantFrom(null, '-', 'channel'),
  marketplace: fc.constant('GLOBAL'),
  licensor: plain({
    organizationId: fc.constantFrom('acme', 'ACME'),
    displayName: fc.constantFrom(null, 'Acme'),
  }),
  status,
  comments,
  start,
  end,
  platformIds: set(['gti.1', 'gti.2', 'gti.3']),
  windows: fc.array(window, { maxLength: 6 }),
  updatedAt: fc.constantFrom(null, ...instants),
}).map((one) => ({
  ...one,
  windows: canonicalWindows(one.windows.map((each) => (each.status === one.status ? { ...each, status: null } : each))),
}));

/** Any snapshot, in canonical form. */
export const anyOffers: fc.Arbitrary<Offers> = fc
  .array(offer, { maxLength: 4 })
  .map((offers) => Object.fromEntries(offers.map((one) => [offerKey(one), one])));

/** Scopes of few offers, so that most offers have several that differ. */
export const anyScopes: fc.Arbitrary<Offers> = fc
  .array(
    fc
      .tuple(offer, fc.constantFrom(null, 'channel'))
      .map(([one, groupingEntity]) => ({ ...one, alid: 'A1', groupingEntity })),
    { maxLength: 6 },
  )
  .map((scopes) => Object.fromEntries(scopes.map((one, number) => [`scope ${number}`, one])));

/** A snapshot with nothing in it that is not compared. */
export function compared(offers: Offers): unknown {
  return Object.fromEntries(
    Object.entries(offers).map(([key, one]) => [
      key,
      {
        ...one,
        licensor: null,
        updatedAt: null,
        windows: one.windows.map((each) => ({ ...each, transactionId: null })),
      },
    ]),
  );
}

type Json = Record<string, unknown>;

/** Draws from a seed (mulberry32): one number stands for the thousands of choices within one answer. */
export class Draw {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }
  oneOf<T>(first: T, ...rest: T[]): T {
    return [first, ...rest][this.below(rest.length + 1)] ?? first;
  }
  shuffled<T>(values: readonly T[]): T[] {
    return values
      .map((value) => ({ value, place: this.below(2 ** 31) }))
      .sort((left, right) => left.place - right.place)
      .map(({ value }) => value);
  }
  mixedCase(text: string): string {
    return text.replaceAll(/[a-z]/giu, (letter) => this.oneOf(letter.toLowerCase(), letter.toUpperCase()));
  }
}

/** Seeds of draws. */
export const anySeed = fc.noShrink(fc.integer());

/** Nothing at all, in each of its notations. */
function nothing(draw: Draw, name: string): Json {
  return draw.oneOf<Json>({}, { [name]: null }, { [name]: '' }, { [name]: ' ' });
}

function textField(draw: Draw, name: string, value: string | null): Json {
  return value === null ? nothing(draw, name) : { [name]: draw.oneOf(value, ` ${value}`, `${value} `) };
}

function dateField(draw: Draw, name: string, value: string | null): Json {
  if (value === null) return nothing(draw, name);
  if (!/^\d/u.test(value)) return { [name]: draw.mixedCase(value) };
  const east = new Date(Date.parse(value) + 90 * 60_000).toISOString().slice(0, -1);
  const west = new Date(Date.parse(value) - 8 * 3_600_000).toISOString().slice(0, -1);
  const short = value.replace('.000Z', 'Z');
  const notations = [value.replace('Z', ''), short, short.replace('Z', '+00:00'), short.replace('Z', '+0000')];
  notations.push(
    `${east}+01:30`,
    `${west}-08`,
    value.replace('T', ' '),
    value.toLowerCase(),
    `${value.slice(0, -1)}999Z`,
  );
  notations.push(short.replace(':00Z', 'Z'));
  if (value.endsWith('T00:00:00.000Z')) notations.push(value.slice(0, 10), `${value.slice(0, 10)}Z`);
  return { [name]: draw.oneOf(value, ...notations) };
}

function codeField(draw: Draw, code: string | null): Json {
  const name = draw.oneOf('ProgressCode', 'Progress Code');
  if (code === null) return nothing(draw, name);
  if (code === 'Paused') return { [name]: draw.oneOf('Paused', ' Paused ') };
  const spelled = code === 'In-Process' ? draw.oneOf('In-Process', 'InProcess', 'IN_PROCESS', 'in process') : code;
  return { [name]: draw.mixedCase(spelled) };
}

const stamp = (draw: Draw): Json => nothing(draw, '_timestamp');

function formatField(draw: Draw, profiles: readonly string[]): Json {
  const written = draw.shuffled(profiles).map((profile) => draw.mixedCase(profile));
  if (written.length === 0) return draw.oneOf<Json>({}, { FormatProfile: null }, { FormatProfile: [] });
  const shapes: unknown[] = [
    [...written, ...written],
    { value: written },
    [{ value: written }],
    written.map((value) => ({ value })),
    written.map((value, index) => (index % 2 ? value : { value: [value] })),
  ];
  if (written.length === 1) shapes.push(written[0], { value: written[0] });
  return { FormatProfile: draw.oneOf<unknown>(written, ...shapes) };
}

function transaction(draw: Draw, one: Window, overall: string): Json {
  const own: Json = {
    ...codeField(draw, one.status ?? draw.oneOf(null, overall)),
    ...dateField(draw, 'End', one.end),
    ...stamp(draw),
  };
  const rest: Json = { ...dateField(draw, 'Start', one.start), ...textField(draw, 'Comments', one.comments) };
  const inner: Json = { FeatureStatus: { ...own, ...rest } };
  const places: Json[] = [
    { ...own, FeatureStatus: rest },
    { ...own, FeatureStatus: { ...rest, ...own, ...nothing(draw, 'ProgressCode'), ...nothing(draw, 'Progress Code') } },
    { ...own, ...rest, ...draw.oneOf<Json>({}, { FeatureStatus: null }) },
  ];
  const territories = draw.shuffled(one.territories).map((territory) => draw.mixedCase(territory));
  return {
    ...draw.oneOf(inner, ...places),
    ...textField(draw, 'ContractID', one.contractId),
    ...textField(draw, draw.oneOf('TransactionID', '_TransactionID'), one.transactionId),
    ...formatField(draw, one.formatProfiles),
    LicenseType: draw.mixedCase(one.licenseType),
    Territory: draw.oneOf<unknown[]>(
      territories,
      territories.map((country) => ({ country })),
      [...territories, { country: territories[0] }],
    ),
  };
}

/** The answer that reports a snapshot, in any order and any of the notations that the upstream may use. */
export function anyAnswer(draw: Draw, offers: Offers): OfferStatusAnswer {
  const entries = Object.values(offers).flatMap((one) => {
    const windows = draw.shuffled(one.windows);
    const cut = draw.below(windows.length + 1);
    // One entry for the offer, or one for each of two scopes.
    const scopes = draw.oneOf([windows], [windows.slice(0, cut), windows.slice(cut)]);
    return scopes.map((scope) => ({
      ...textField(draw, 'ALID', one.alid),
      ...textField(draw, 'GroupingEntity', one.groupingEntity),
      Licensor: draw.oneOf<unknown>(
        null,
        {},
        { OrganizationID: 'acme' },
        { OrganizationID: 'acme', DisplayName: 'Acme' },
      ),
      OverallStatus: {
        ...codeField(draw, one.status),
        ...dateField(draw, 'Start', one.start),
        ...dateField(draw, 'End', one.end),
        ...textField(draw, 'Comments', one.comments),
        ...stamp(draw),
      },
      PlatformID: draw.shuffled(one.platformIds),
      Transaction: scope.map((each) => transaction(draw, each, one.status)),
    }));
  });
  return { OfferStatuses: draw.shuffled(entries) } as unknown as OfferStatusAnswer;
}

/** The same answer with every array in another order and every time stamp another one. */
export function shuffledAndStamped<T>(draw: Draw, value: T): T {
  const walk = (part: unknown): unknown => {
    if (Array.isArray(part)) return draw.shuffled(part.map(walk));
    if (typeof part !== 'object' || part === null) return part;
    const copy = Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, walk(inner)]));
    return 'FormatProfile' in part || 'ProgressCode' in part || 'Progress Code' in part
      ? { ...copy, _timestamp: draw.oneOf<unknown>(null, 'soon', 7, ...instants) }
      : copy;
  };
  return walk(value) as T;
}

/** The answer without some of its entries, and some of the others' windows. */
export function partOf(draw: Draw, answer: OfferStatusAnswer): OfferStatusAnswer {
  const some = <T>(values: readonly T[]): T[] => {
    const every = draw.oneOf(1, 2, 4);
    return values.filter(() => draw.below(every) === 0);
  };
  const entries = some(answer.OfferStatuses);
  return {
    OfferStatuses: entries.map((entry) => ({ ...entry, Transaction: some(entry.Transaction) })),
    errors: ['a scope failed'],
  };
}
