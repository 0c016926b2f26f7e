import type { WatchStore } from '../../lambdas/shared/watches.store.ts';
import { inLanes } from '../bulk/lanes.ts';
import type { GoodLine } from './watch-file.ts';

/** What has become of the lines. */
export interface RemoveCounts {
  removed: number;
  /** Also the second of two lines that name one watch. */
  notOnTheList: number;
}

const LANES = 12;

/** Takes watches off the list, batch by batch. */
export class Remover {
  readonly counts: RemoveCounts = { removed: 0, notOnTheList: 0 };
  readonly #store: Pick<WatchStore<never>, 'remove'>;

  constructor(store: Pick<WatchStore<never>, 'remove'>) {
    this.#store = store;
  }

  async remove(batch: readonly GoodLine[]): Promise<void> {
    await inLanes(batch, LANES, async ({ watchId }) => {
      this.counts[(await this.#store.remove(watchId)) ? 'removed' : 'notOnTheList'] += 1;
    });
  }
}
