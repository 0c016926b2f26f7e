import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import { shapeOf } from '../shared/answer-text.ts';
import { batchGet } from '../shared/batch-get.ts';
import type { Clock } from '../shared/clock.ts';
import type { PartnerApiSettings, SkuItem } from '../shared/settings.ts';
import { Sku, SkuItems } from '../shared/sku-items.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import type { Catalogue } from './catalogue.ts';

/** How long what was found is used without looking again: a minute. */
const FOUND_TTL_MS = 60_000;

const Row = z.object({ part: z.string(), items: z.optional(z.unknown()) });

/**
 * What SKUs hold: by the settings, and else by the rows of the table (`catalogue|<partner>`, `<sku>`). A row that cannot be
 * read counts as none, and a line of the log names its partner and its SKU.
 */
export class CatalogueStore implements Catalogue {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #partners: PartnerApiSettings['partners'];
  readonly #clock: Clock;
  readonly #telemetry: Pick<Telemetry, 'warn'>;
  readonly #found = new Map<string, { readonly items: readonly SkuItem[]; readonly until: number }>();

  constructor(
    client: DynamoDBDocumentClient,
    table: string,
    { partners }: Pick<PartnerApiSettings, 'partners'>,
    clock: Clock,
    telemetry: Pick<Telemetry, 'warn'>,
  ) {
    this.#client = client;
    this.#table = table;
    this.#partners = partners;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  async itemsOf(partner: string, skus: readonly string[]): Promise<ReadonlyMap<string, readonly SkuItem[]>> {
    const known = new Map<string, readonly SkuItem[]>();
    const unknown: string[] = [];
    for (const sku of new Set(skus)) {
      const items = this.#ofSettings(partner, sku) ?? this.#remembered(partner, sku);
      if (items) known.set(sku, items);
      // What is spelt otherwise is in no catalogue, and may be no key of a table either.
      else if (Sku.safeParse(sku).success) unknown.push(sku);
    }
    if (unknown.length > 0) for (const [sku, items] of await this.#read(partner, unknown)) known.set(sku, items);
    return known;
  }

  #ofSettings(partner: string, sku: string): readonly SkuItem[] | undefined {
    const skus = Object.hasOwn(this.#partners, partner) ? this.#partners[partner]?.entitlements.skus : undefined;
    return skus && Object.hasOwn(skus, sku) ? skus[sku] : undefined;
  }

  #remembered(partner: string, sku: string): readonly SkuItem[] | undefined {
    const found = this.#found.get(`${partner}|${sku}`);
    return found && this.#clock.now() < found.until ? found.items : undefined;
  }

  async #read(partner: string, skus: readonly string[]): Promise<Map<string, readonly SkuItem[]>> {
    const until = this.#clock.now() + FOUND_TTL_MS;
    const keys = skus.map((part) => ({ owner: `catalogue|${partner}`, part }));
    // A player who claimed what was added this very moment gets it by the next request.
    const rows = await batchGet(this.#client, this.#table, keys, this.#clock, {
      attributes: ['part', 'items'],
      consistent: false,
    });
    const read = new Map<string, readonly SkuItem[]>();
    for (const row of rows) {
      const { part: sku, items: stored } = Row.parse(row);
      const { success, data: items, error } = SkuItems.safeParse(stored);
      if (!success) {
        this.#telemetry.warn('a row of the catalogue cannot be read', { partner, sku, shape: shapeOf(error) });
        continue;
      }
      this.#found.set(`${partner}|${sku}`, { items, until });
      read.set(sku, items);
    }
    return read;
  }
}
