import * as z from 'zod/mini';

const dateText = z.nullable(z.string());

/** One availability window of an offer: a licence type, in some territories, under one contract, for some time. */
export const Window = z.object({
  contractId: z
    .nullable(z.string())
    .check(z.describe('Contract the title is associated with; null where Amazon gives none.')),
  licenseType: z
    .string()
    .check(z.describe('SVOD, FVOD, EST, POEST, VOD or a type that Amazon adds later; upper case.')),
  territories: z.array(z.string()).check(z.describe('Territories of the window, sorted, each once, upper case.')),
  formatProfiles: z
    .array(z.string())
    .check(z.describe('SD, HD, UHD, MAX or later ones, sorted, each once, upper case.')),
  start: dateText.check(
    z.describe('ISO instant in UTC, a word such as Open, Immediate or TBD, or null for an open start.'),
  ),
  end: dateText.check(z.describe('ISO instant in UTC, a word such as Open or TBD, or null for an open end.')),
  status: z
    .nullable(z.string())
    .check(z.describe("Progress code where it differs from the offer's; null: the offer's holds.")),
  comments: z.nullable(z.string()).check(z.describe("Amazon's notes about this window.")),
  transactionId: z
    .nullable(z.string())
    .check(z.describe("Amazon's identifier of the window; informative, never compared.")),
});
export type Window = z.infer<typeof Window>;

/** The state of one offer: a title in one marketplace, on its own or within a channel or subscription. */
export const Offer = z.object({
  alid: z.string().check(z.describe('Title identifier (ALID or SKU).')),
  groupingEntity: z.nullable(z.string()).check(z.describe('Channel or subscription; null for offers outside of any.')),
  marketplace: z.string().check(z.describe('Marketplace that the title was submitted to: GLOBAL, US, DE, JP or GB.')),
  licensor: z
    .object({
      organizationId: z.string().check(z.describe("The partner's organization identifier.")),
      displayName: z.nullable(z.string()).check(z.describe('Friendly name of the organization.')),
    })
    .check(z.describe('The organization that grants the licence; informative, never compared.')),
  status: z
    .string()
    .check(z.describe('Progress code of the offer: Live, Ready, In-Process, Issue or one that Amazon adds later.')),
  comments: z.nullable(z.string()).check(z.describe("Amazon's notes about the offer.")),
  start: z
    .nullable(z.string())
    .check(z.describe('Earliest start: an ISO instant in UTC, a word such as TBD, or null for open.')),
  end: z
    .nullable(z.string())
    .check(z.describe('Latest end: an ISO instant in UTC, a word such as Open, or null for open.')),
  platformIds: z.array(z.string()).check(z.describe('Global Title Identifiers (GTI), sorted, each once.')),
  windows: z.array(Window).check(z.describe('Availability windows, in one fixed order.')),
  updatedAt: z.nullable(z.string()).check(z.describe("Amazon's latest time stamp; informative, never compared.")),
});
export type Offer = z.infer<typeof Offer>;

/** The snapshot of one watched title: its offers by key (see `offerKey`). */
export const Offers = z.record(z.string(), Offer);
export type Offers = z.infer<typeof Offers>;
