import { isDeepStrictEqual } from 'node:util';
import type { SkuItem } from '../../lambdas/shared/settings.ts';
import { inLanes } from '../bulk/lanes.ts';
import type { CatalogueRows } from './catalogue-rows.ts';

/** SKUs that are worked on together: what one BatchGetItem reads. */
export const BATCH = 100;
const BATCHES_IN_FLIGHT = 4;

/** What has become of the SKUs of a file. */
export interface ImportCounts {
  added: number;
  changed: number;
  /** In the catalogue with the same items already: nothing is written. */
  same: number;
}

/** Puts SKUs into a catalogue, batch by batch. Reads first, so that what is right already costs no write. */
export class Importer {
  readonly counts: ImportCounts = { added: 0, changed: 0, same: 0 };
  readonly #rows: Pick<CatalogueRows, 'get' | 'put'>;
  readonly #dryRun: boolean;

  /** @param options.dryRun only counts */
  constructor(rows: Pick<CatalogueRows, 'get' | 'put'>, { dryRun }: { readonly dryRun: boolean }) {
    this.#rows = rows;
    this.#dryRun = dryRun;
  }

  /** @param skus with their items in the order of the items' identifiers */
  async import(skus: readonly (readonly [sku: string, items: readonly SkuItem[]])[]): Promise<void> {
    const before = await this.#rows.get(skus.map(([sku]) => sku));
    const different = skus.filter(([sku, items]) => !isDeepStrictEqual(before.get(sku), items));
    if (!this.#dryRun) await this.#rows.put(different);
    const changed = different.filter(([sku]) => before.has(sku)).length;
    this.counts.same += skus.length - different.length;
    this.counts.changed += changed;
    this.counts.added += different.length - changed;
  }
}

/** What has become of SKUs that are to be removed. */
export interface RemoveCounts {
  removed: number;
  notThere: number;
}

/** Takes SKUs off a catalogue, batch by batch. */
export class Remover {
  readonly counts: RemoveCounts = { removed: 0, notThere: 0 };
  readonly #rows: Pick<CatalogueRows, 'get' | 'remove'>;

  constructor(rows: Pick<CatalogueRows, 'get' | 'remove'>) {
    this.#rows = rows;
  }

  /** @param skus each once */
  async remove(skus: readonly string[]): Promise<void> {
    const before = await this.#rows.get(skus);
    const there = skus.filter((sku) => before.has(sku));
    await this.#rows.remove(there);
    this.counts.removed += there.length;
    this.counts.notThere += skus.length - there.length;
  }
}

/**
 * Does something for all of these in batches, some of which are under way at a time.
 *
 * @param stop begins no further batch; those under way are finished
 * @throws the first failure, once all batches that were under way have ended
 */
export async function inBatches<T>(
  all: readonly T[],
  stop: AbortSignal,
  work: (batch: readonly T[]) => Promise<void>,
): Promise<void> {
  function* batches(): Generator<readonly T[]> {
    for (let next = 0; next < all.length && !stop.aborted; next += BATCH) yield all.slice(next, next + BATCH);
  }
  await inLanes(batches(), BATCHES_IN_FLIGHT, work);
}
