import { describe, expect, it } from 'vitest';
import { createThrottlePause, PauseTooLongError } from '../../lambdas/buy-with-prime/throttle-pause.ts';
import { ThrottledError } from '../../lambdas/shared/errors.ts';
import { VirtualClock } from '../shared/virtual-clock.ts';

/** The longest pauses that chance allows, or half of them. */
function setting(random = 1 - Number.EPSILON) {
  const clock = new VirtualClock();
  const begin = clock.now();
  const pause = createThrottlePause('api.example', clock, () => random);
  return {
    clock,
    pause,
    take: () => clock.run(pause.take(Infinity)),
    at: () => Math.round(clock.now() - begin),
  };
}

describe('the pause after throttling', () => {
  it('is none as long as nothing is throttled', async () => {
    const { take, at, pause } = setting();
    for (let index = 0; index < 20; index += 1) pause.succeeded(await take());
    expect(at()).toBe(0);
  });

  it.each([
    [1 - Number.EPSILON, [200, 400, 800, 1_600, 3_200, 5_000, 5_000]],
    [0, [100, 200, 400, 800, 1_600, 2_500, 2_500]],
  ])('doubles each time up to its cap, and half of it is left to chance (%d)', async (random, expected) => {
    const { take, at, pause } = setting(random);
    const pauses: number[] = [];
    for (let permit = await take(); pauses.length < expected.length;) {
      const before = at();
      pause.throttled(permit);
      permit = await take();
      pauses.push(at() - before);
    }
    expect(pauses).toEqual(expected);
  });

  it('counts once for requests that left together', async () => {
    const { take, at, pause } = setting();
    const permits = [await take(), await take(), await take()];
    for (const permit of permits) pause.throttled(permit);
    await take();
    expect(at()).toBe(200);
  });

  it('lets the requests out one after the other, and all at once again when it is over', async () => {
    const { clock, take, at, pause } = setting();
    pause.throttled(await take());
    pause.throttled(await take());
    const begun = at();
    const left: number[] = [];
    const permits = await clock.run(
      Promise.all(
        [1, 2, 3].map(async () => {
          const permit = await pause.take(Infinity);
          left.push(at() - begun);
          return permit;
        }),
      ),
    );
    expect(left).toEqual([400, 800, 1_200]);
    for (const permit of permits) pause.succeeded(permit);
    await take();
    const done = at();
    await take();
    await take();
    expect(at()).toBe(done);
  });

  it('holds back who is waiting already when another request is throttled', async () => {
    const { clock, take, at, pause } = setting();
    pause.throttled(await take());
    const first = await take();
    const waiting = pause.take(Infinity).then(at);
    await clock.sleepUntil(clock.now());
    pause.throttled(first);
    expect(await clock.run(waiting)).toBe(200 + 400);
  });

  it('lasts as long as Amazon wants, up to a minute', async () => {
    const { take, at, pause } = setting();
    pause.throttled(await take(), 7_000);
    await take();
    expect(at()).toBe(7_000);
    pause.throttled(await take(), 3_600_000);
    const before = at();
    await take();
    expect(at() - before).toBe(60_000);
  });

  it('is as long as Amazon wants even where that comes late, of a request that left before', async () => {
    const { take, at, pause } = setting();
    const [early, late] = [await take(), await take()];
    pause.throttled(early);
    pause.throttled(late, 5_000);
    await take();
    expect(at()).toBe(5_000);
  });

  it('does not shrink by successes of requests that left before it', async () => {
    const { take, at, pause } = setting();
    const [early, late] = [await take(), await take()];
    pause.throttled(early);
    pause.succeeded(late);
    await take();
    await take();
    expect(at()).toBe(400);
  });

  it('refuses at once who cannot wait that long, and takes no turn for it', async () => {
    const { clock, take, at, pause } = setting();
    pause.throttled(await take());
    const error: unknown = await pause.take(clock.now() + 199).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PauseTooLongError);
    expect(error).toBeInstanceOf(ThrottledError);
    expect(error).toMatchObject({ retryAfterMs: 200 });
    expect(at()).toBe(0);
    await take();
    expect(at()).toBe(200);
  });
});
