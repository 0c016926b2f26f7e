import type { Bucket } from '../pacer/pacer.ts';

/** A bucket whose requests carry several watches each. */
export interface PackedBucket extends Bucket {
  /** Watches that one request can carry. */
  readonly pack: number;
  /**
   * Whether a request's parameters hold for all its watches, so that only watches whose identifiers agree up to their
   * last separator can share one.
   *
   * @default false
   */
  readonly uniform?: boolean;
}

/** Divides watches into requests, in their order: as many to each as fit and are compatible. */
export function packs<Watch>(
  watches: readonly Watch[],
  idOf: (watch: Watch) => string,
  { pack, uniform = false }: Pick<PackedBucket, 'pack' | 'uniform'>,
): Watch[][] {
  const result: Watch[][] = [];
  let parameters: string | undefined;
  for (const watch of watches) {
    const wanted = uniform ? parametersOf(idOf(watch)) : '';
    const open = result.at(-1);
    if (open !== undefined && open.length < pack && wanted === parameters) {
      open.push(watch);
    } else {
      result.push([watch]);
      parameters = wanted;
    }
  }
  return result;
}

/** What a watch's identifier says besides the item. */
function parametersOf(watchId: string): string {
  return watchId.slice(0, watchId.lastIndexOf('|'));
}
