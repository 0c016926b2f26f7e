import type { SkuItem } from '../shared/settings.ts';

/** What SKUs hold, by partner. */
export interface Catalogue {
  /**
   * The items of each of these SKUs that the catalogue knows: those of the settings, and else those of the table, which are
   * looked up together and remembered for a minute. What is not known is not remembered.
   */
  itemsOf(partner: string, skus: readonly string[]): Promise<ReadonlyMap<string, readonly SkuItem[]>>;
}
