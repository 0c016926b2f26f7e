import { describe, expect, it } from 'vitest';
import { Slice } from '../../lambdas/shared/laps/slice.ts';
import { titleWatchId } from '../../lambdas/shared/watches.ts';
import { CheckNow } from '../../local/watches/check-now.ts';
import type { WatchRow } from '../../local/watches/rows.ts';
import { LICENSOR, TITLES } from './reading.ts';

const MAIN = 'offer-status|main|global|status';
const SLOW = 'offer-status|slow|global|status';
const line = (alid: string, licensor = LICENSOR) => ({
  line: 2,
  watchId: titleWatchId({ licensor, marketplace: 'GLOBAL', alid }),
  fields: {},
});

/** A check of watches that are all on the list, in the bucket of their licensor. */
function checkNow(requestId = 'r1', row: (watchId: string) => WatchRow | undefined = onTheList) {
  const sent: Slice[] = [];
  const check = new CheckNow({
    rows: {
      get: async (ids) =>
        new Map(ids.map((id) => [id, row(id)] as const).flatMap(([id, found]) => (found ? [[id, found]] : []))),
    },
    slices: { send: async (slices) => void sent.push(...slices) },
    kind: TITLES,
    sliceSeconds: 20,
    requestId,
  });
  const refusals: string[] = [];
  return {
    sent,
    refusals,
    send: () => check.send(),
    take: (batch: ReturnType<typeof line>[]) => check.take(batch, (_, reason) => void refusals.push(reason)),
  };
}
function onTheList(watchId: string): WatchRow {
  const bucketId = watchId.includes('slow-studios') ? SLOW : MAIN;
  return { watchId, bucketId, lap: `${bucketId}#steady` };
}

describe('checking now', () => {
  it('packs the watches of a bucket into slices as long as the planner’s, which no backlog counts', async () => {
    const { take, send, sent } = checkNow();
    await take(Array.from({ length: 450 }, (_, index) => line(`A${index}`)));
    await take([line('A3'), line('B', 'slow-studios'), line('C', 'slow-studios')]);
    expect(await send()).toEqual({ watches: 452, slices: 5, seconds: 45 });
    expect(sent.map(({ bucket, watches }) => [bucket, watches.length])).toEqual([
      [MAIN, 200],
      [MAIN, 200],
      [MAIN, 50],
      // A bucket that sends once in ten seconds gets one request a slice.
      [SLOW, 1],
      [SLOW, 1],
    ]);
    for (const slice of sent) {
      expect(Slice.parse(slice)).toEqual(slice);
      expect(slice).toMatchObject({ class: 'urgent' });
      expect(slice.endsAt).toBeUndefined();
    }
    expect(new Set(sent.flatMap(({ watches }) => watches)).size).toBe(452);
  });

  it('keeps a slice within the size of a message', async () => {
    const { take, send, sent } = checkNow();
    await take(Array.from({ length: 200 }, (_, index) => line(`${'x'.repeat(900)}${index}`)));
    await send();
    expect(sent.length).toBeGreaterThan(2);
    for (const slice of sent) expect(Buffer.byteLength(JSON.stringify(slice.watches))).toBeLessThanOrEqual(60_100);
    expect(sent.flatMap(({ watches }) => watches)).toHaveLength(200);
  });

  it('names its slices after the request, so that a repeat is the same message and another request is not', async () => {
    const slicesOf = async (requestId: string) => {
      const { take, send, sent } = checkNow(requestId);
      await take([line('A'), line('B')]);
      await send();
      return sent;
    };
    expect(await slicesOf('r1')).toEqual(await slicesOf('r1'));
    expect((await slicesOf('r2')).map(({ id }) => id)).toEqual([`${MAIN}#check-now#r2#1`]);
  });

  it('refuses what is not on the list or in a bucket that nobody serves, and takes the rest', async () => {
    const rows: Record<string, WatchRow | undefined> = {
      [line('A').watchId]: onTheList(line('A').watchId),
      [line('removed').watchId]: { watchId: line('removed').watchId, bucketId: MAIN },
      [line('orphan').watchId]: { watchId: line('orphan').watchId, bucketId: 'former', lap: 'former#steady' },
    };
    const { take, send, sent, refusals } = checkNow('r1', (watchId) => rows[watchId]);
    await take([line('A'), line('never'), line('removed'), line('orphan')]);
    expect(refusals).toEqual([
      'is not on the watch list: import it first',
      'is not on the watch list: import it first',
      'is in the bucket former, which the settings do not know: import it again to move it',
    ]);
    await send();
    expect(sent.map(({ watches }) => watches)).toEqual([[line('A').watchId]]);
  });

  it('refuses to keep a bucket busy for more than twenty minutes, and sends nothing then', async () => {
    const { take, sent } = checkNow();
    await take(Array.from({ length: 120 }, (_, index) => line(`A${index}`, 'slow-studios')));
    await expect(take([line('one too many', 'slow-studios')])).rejects.toThrow(/more than 20 min .*Nothing was sent/);
    expect(sent).toEqual([]);
  });
});
