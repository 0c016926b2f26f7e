import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IDLE_CONNECTION_MS } from '../../lambdas/shared/http.ts';
import { Pacer, SliceRun } from '../../lambdas/shared/pacer/pacer.ts';
import type { RateLimit } from '../../lambdas/shared/settings.ts';
import { MemoryBuckets } from './memory-buckets.ts';
import { VirtualClock } from './virtual-clock.ts';

/** An upstream with a token bucket: half of a latency passes before the bucket is asked. */
class Upstream {
  readonly arrivals: number[] = [];
  throttled = 0;
  #tokens: number;
  #at: number;
  readonly #limit: RateLimit;
  readonly #clock: VirtualClock;
  readonly #latency: () => number;

  constructor(limit: RateLimit, clock: VirtualClock, latency: () => number) {
    this.#limit = limit;
    this.#clock = clock;
    this.#latency = latency;
    this.#tokens = limit.burst;
    this.#at = clock.now();
  }

  /** Sends a request over a free connection, or over a new one, whose handshake takes its time. */
  async request(pool: Connections, left: () => void = () => undefined): Promise<{ throttled: boolean }> {
    const latency = this.#latency();
    const release = await pool.take();
    left();
    try {
      return await this.#exchange(latency);
    } finally {
      release();
    }
  }

  async #exchange(latency: number): Promise<{ throttled: boolean }> {
    await this.#clock.sleep(latency / 2);
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + ((now - this.#at) / 1000) * this.#limit.perSecond);
    this.#at = now;
    this.arrivals.push(now);
    // A nanosecond's worth of tolerance: floating-point sums are no throttling.
    const throttled = this.#tokens < 1 - 1e-6;
    if (throttled) this.throttled += 1;
    else this.#tokens -= 1;
    await this.#clock.sleep(latency / 2);
    return { throttled };
  }
}

/** The connections of one environment; idle ones close. */
class Connections {
  readonly #clock: VirtualClock;
  readonly #handshakeMs: number;
  #idleSince: number[] = [];

  constructor(clock: VirtualClock, handshakeMs: number) {
    this.#clock = clock;
    this.#handshakeMs = handshakeMs;
  }

  async take(): Promise<() => void> {
    this.#idleSince = this.#idleSince.filter((since) => this.#clock.now() - since < IDLE_CONNECTION_MS);
    if (this.#idleSince.pop() === undefined) await this.#clock.sleep(this.#handshakeMs);
    return () => this.#idleSince.push(this.#clock.now());
  }
}

interface World {
  readonly limit: RateLimit;
  readonly seed: number;
  readonly slices: number;
  readonly perSlice: number;
  readonly environments: number;
  /** Time between a slice's end and the next one's receipt. */
  readonly handOverMs: number;
  readonly crashEvery?: number;
  /** What opening a connection takes. */
  readonly handshakeMs?: number;
}

/** Log-normal latency with a median of 200 ms, deterministic by seed. */
function latencies(seed: number): () => number {
  let state = seed >>> 0 || 1;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => 200 * Math.exp(0.25 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

async function send(run: SliceRun, requests: number, upstream: Upstream, pool: Connections): Promise<void> {
  const answers: Promise<void>[] = [];
  for (let index = 0; index < requests; index += 1) {
    const slot = await run.slot();
    answers.push(upstream.request(pool, slot.left).then((result) => slot.answered(result)));
  }
  await Promise.all(answers);
  await run.close();
}

async function live(world: World) {
  const clock = new VirtualClock();
  const buckets = new MemoryBuckets();
  const upstream = new Upstream(world.limit, clock, latencies(world.seed));
  const bucket = { id: 'api|main|global|status', limit: world.limit };
  const fresh = () => ({ pacer: new Pacer(buckets, clock), pool: new Connections(clock, world.handshakeMs ?? 0) });
  let environments = Array.from({ length: world.environments }, fresh);
  let receipts = 0;
  await clock.run(
    (async () => {
      for (let index = 0; index < world.slices; index += 1) {
        const order = { id: `slice-${index}`, requests: world.perSlice, endsAt: (index + 1) * world.perSlice };
        for (;;) {
          const at = receipts++ % world.environments;
          const { pacer, pool } = environments[at] ?? fresh();
          const opened = await pacer.open(bucket, order);
          if (!(opened instanceof SliceRun)) {
            // Hidden, as the worker does it: in whole seconds, a little early.
            await clock.sleep(Math.max(1, Math.floor((opened.waitMs - 200) / 1000)) * 1000);
            continue;
          }
          if (world.crashEvery !== undefined && index % world.crashEvery === world.crashEvery - 1) {
            // Dies in mid-slice; the message comes back after its visibility time-out, to a fresh environment.
            world = { ...world, crashEvery: undefined };
            const slot = await opened.slot();
            void slot;
            await upstream.request(pool);
            environments = environments.map((environment, index) => (index === at ? fresh() : environment));
            await clock.sleep(90_000);
            continue;
          }
          await send(opened, world.perSlice, upstream, pool);
          break;
        }
        await clock.sleep(world.handOverMs);
      }
    })(),
  );
  const [first = 0] = upstream.arrivals;
  const seconds = ((upstream.arrivals.at(-1) ?? 0) - first) / 1000;
  const used = (upstream.arrivals.length - 1) / (seconds * world.limit.perSecond);
  return { upstream, buckets, used, slices: world.slices };
}

describe('the pacer', () => {
  it.each([
    { perSecond: 10, burst: 5, perSlice: 200, least: 0.99 },
    { perSecond: 10, burst: 20, perSlice: 200, least: 0.99 },
    { perSecond: 5, burst: 10, perSlice: 100, least: 0.98 },
    { perSecond: 1, burst: 2, perSlice: 20, least: 0.95 },
    { perSecond: 0.5, burst: 1, perSlice: 10, least: 0.92 },
    { perSecond: 0.1, burst: 1, perSlice: 1, least: 0.97 },
  ])('uses $least of $perSecond/s with a burst of $burst and is never throttled', async (given) => {
    const { perSlice, least, ...limit } = given;
    const world = { limit, seed: 7, slices: 30, perSlice, environments: 1, handOverMs: 40 };
    const { upstream, used } = await live(world);
    expect(upstream.throttled).toBe(0);
    expect(used).toBeGreaterThanOrEqual(least);
    expect(used).toBeLessThanOrEqual(1.005);
  });

  it('writes once per slice, and reads only where another environment went before', async () => {
    const limit = { perSecond: 10, burst: 5 };
    const alone = await live({ limit, seed: 1, slices: 5, perSlice: 50, environments: 1, handOverMs: 40 });
    expect(alone.buckets.writes).toBe(5);
    expect(alone.buckets.reads).toBe(1);
    const shared = await live({ limit, seed: 1, slices: 6, perSlice: 50, environments: 2, handOverMs: 40 });
    expect(shared.buckets.writes).toBe(6);
  });

  it('is never throttled, whatever the rate, the number of environments, the hand-over time, a crash and slow handshakes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          limit: fc.record({
            perSecond: fc.constantFrom(0.1, 0.4, 0.5, 1, 2, 5, 10),
            burst: fc.constantFrom(1, 2, 3, 4, 5, 10, 20),
          }),
          seed: fc.integer({ min: 1, max: 1e6 }),
          environments: fc.integer({ min: 1, max: 3 }),
          handOverMs: fc.constantFrom(1, 40, 300, 2_500, 70_000),
          crashEvery: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
          handshakeMs: fc.constantFrom(0, 100, 500, 1_000),
        }),
        async ({ crashEvery, ...rest }) => {
          // Requests of this upstream travel for up to about 200 ms longer than others: no pace could hide that from a
          // bucket that is less deep.
          fc.pre(rest.limit.burst === 1 || (rest.limit.burst - 1) / rest.limit.perSecond >= 0.3);
          const slow = rest.limit.perSecond < 1 / 3;
          const world = { ...rest, slices: 8, perSlice: slow ? 1 : Math.ceil(rest.limit.perSecond * 4) };
          const { upstream } = await live(crashEvery === undefined ? world : { ...world, crashEvery });
          expect(upstream.throttled).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    { perSecond: 10, burst: 10, seed: 1, environments: 2, handOverMs: 1, crashEvery: 6 },
    { perSecond: 10, burst: 10, seed: 4, environments: 2, handOverMs: 1, crashEvery: 4 },
    { perSecond: 10, burst: 10, seed: 598_788, environments: 2, handOverMs: 1, crashEvery: 1 },
    { perSecond: 10, burst: 10, seed: 972_193, environments: 2, handOverMs: 1 },
    { perSecond: 10, burst: 20, seed: 540_928, environments: 2, handOverMs: 1, crashEvery: 4 },
    { perSecond: 50, burst: 50, seed: 256_943, environments: 1, handOverMs: 1, crashEvery: 2 },
    { perSecond: 50, burst: 100, seed: 239_229, environments: 2, handOverMs: 300, crashEvery: 2 },
  ])(
    'is not throttled where connections cost what a deep bucket has left: $perSecond/s, burst $burst, seed $seed',
    async (given) => {
      const { perSecond, burst, ...rest } = given;
      const world = { ...rest, limit: { perSecond, burst }, handshakeMs: 100, slices: 8, perSlice: perSecond * 4 };
      const { upstream } = await live(world);
      expect(upstream.throttled).toBe(0);
    },
  );

  it.each([
    { told: 'tells the next environment', handshakeMs: 60, writes: 2, behindMs: 60 },
    { told: 'spares the write', handshakeMs: 20, writes: 1, behindMs: 0 },
  ])('$told when a connection has pushed the schedule back by $handshakeMs ms of 100', async (given) => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const upstream = new Upstream({ perSecond: 10, burst: 10 }, clock, () => 200);
    const bucket = { id: 'b', limit: { perSecond: 10, burst: 10 } };
    const run = await new Pacer(buckets, clock).open(bucket, { id: 's1', requests: 5, endsAt: 5 });
    if (!(run instanceof SliceRun)) throw new Error('has to wait');
    const reserved = buckets.rows.get('b')?.tat ?? NaN;
    await clock.run(send(run, 5, upstream, new Connections(clock, given.handshakeMs)));
    expect(buckets.writes).toBe(given.writes);
    expect(buckets.rows.get('b')?.tat).toBeCloseTo(reserved + given.behindMs, 2);
  });

  it.each([
    { perSecond: 10, burst: 20, atOnce: 17, nextAfterMs: 50 },
    { perSecond: 5, burst: 10, atOnce: 8, nextAfterMs: 200 },
    { perSecond: 50, burst: 60, atOnce: 47, nextAfterMs: 10 },
    { perSecond: 50, burst: 20, atOnce: 10, nextAfterMs: 10 },
    { perSecond: 10, burst: 5, atOnce: 1, nextAfterMs: 100 },
  ])(
    'keeps back what travel takes: $atOnce at once when a bucket of $burst at $perSecond/s starts afresh',
    async (given) => {
      const { atOnce, nextAfterMs, ...limit } = given;
      const clock = new VirtualClock();
      const upstream = new Upstream(limit, clock, () => 200);
      const work = async (): Promise<void> => {
        const order = { id: 's', requests: 100, endsAt: 100 };
        const run = await new Pacer(new MemoryBuckets(), clock).open({ id: 'b', limit }, order);
        if (run instanceof SliceRun) await send(run, 100, upstream, new Connections(clock, 0));
      };
      await clock.run(work());
      expect(upstream.throttled).toBe(0);
      expect(upstream.arrivals).toHaveLength(100);
      const [first = NaN] = upstream.arrivals;
      expect(upstream.arrivals.filter((at) => at === first)).toHaveLength(atOnce);
      expect((upstream.arrivals[atOnce] ?? NaN) - first).toBeCloseTo(nextAfterMs, 2);
      const rest = 100 - 1 - atOnce;
      expect((upstream.arrivals.at(-1) ?? NaN) - first).toBeCloseTo(nextAfterMs + (rest * 1000) / limit.perSecond, 2);
    },
  );

  it('asks nobody when a slice comes back that it has sent back to wait', async () => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const bucket = { id: 'b', limit: { perSecond: 0.1, burst: 1 } };
    const upstream = new Upstream(bucket.limit, clock, () => 200);
    const pool = new Connections(clock, 0);
    const pacer = new Pacer(buckets, clock);
    const open = async (id: string) => pacer.open(bucket, { id, requests: 1, endsAt: 1 });
    const first = await open('first');
    if (first instanceof SliceRun) await clock.run(send(first, 1, upstream, pool));
    const [reads, writes] = [buckets.reads, buckets.writes];
    const waiting = await open('second');
    expect(waiting).toEqual({ waitMs: expect.closeTo(9_950, 0) });
    await clock.run(clock.sleep(9_000));
    const second = await open('second');
    expect(second).toBeInstanceOf(SliceRun);
    if (second instanceof SliceRun) await clock.run(send(second, 1, upstream, pool));
    expect({ reads: buckets.reads, writes: buckets.writes, refusals: buckets.refusals }).toEqual({
      reads,
      writes: writes + 1,
      refusals: 0,
    });
    expect(upstream.throttled).toBe(0);
    expect((upstream.arrivals[1] ?? 0) - (upstream.arrivals[0] ?? 0)).toBeCloseTo(10_150, 0);
  });

  it('halves its rate on a 429, tells the next environment, and grows back', async () => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const bucket = { id: 'b', limit: { perSecond: 10, burst: 5 } };
    const opened = await new Pacer(buckets, clock).open(bucket, { id: 's1', requests: 2 });
    if (!(opened instanceof SliceRun)) throw new Error('has to wait');
    const one = await opened.slot();
    one.left();
    const two = await clock.run(opened.slot());
    one.answered({ throttled: true });
    two.answered({ throttled: true });
    await opened.close();
    const elsewhere = await clock.run(new Pacer(buckets, clock).open(bucket, { id: 's2', requests: 2 }));
    if (!(elsewhere instanceof SliceRun)) throw new Error('has to wait');
    expect(elsewhere.interval).toBeCloseTo(200, 0);
    await clock.run(clock.sleep(10 * 60_000));
    expect(elsewhere.interval).toBe(100);
  });

  it('follows the rate that the answers tell, up and down', async () => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const bucket = { id: 'b', limit: { perSecond: 0.5, burst: 1 } };
    const pacer = new Pacer(buckets, clock);
    const opened = await pacer.open(bucket, { id: 's1', requests: 1 });
    if (!(opened instanceof SliceRun)) throw new Error('has to wait');
    (await opened.slot()).answered({ throttled: false, granted: 2 });
    expect(opened.interval).toBe(500);
    await clock.run(pacer.open(bucket, { id: 's2', requests: 1 }));
    expect(buckets.rows.get('b')?.granted).toBe(2);
  });

  it('starts over from the setting when the setting changes', async () => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    buckets.rows.set('b', { configured: 10, granted: 3, share: 0.5, throttledAt: clock.now() });
    const opened = await new Pacer(buckets, clock).open(
      { id: 'b', limit: { perSecond: 20, burst: 5 } },
      { id: 's1', requests: 1 },
    );
    expect(opened instanceof SliceRun && opened.interval).toBe(50);
  });

  it('keeps the reservation of a slice that has to wait, so that asking again finds it', async () => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const bucket = { id: 'b', limit: { perSecond: 0.1, burst: 1 } };
    const first = new Pacer(buckets, clock);
    const run = await first.open(bucket, { id: 's1', requests: 1, endsAt: 1 });
    if (!(run instanceof SliceRun)) throw new Error('has to wait');
    (await run.slot()).answered({ throttled: false });
    const wait = await first.open(bucket, { id: 's2', requests: 1, endsAt: 2 });
    expect(wait).toEqual({ waitMs: 10_000 });
    await clock.run(clock.sleep(8_500));
    const writes = buckets.writes;
    const elsewhere = await new Pacer(buckets, clock).open(bucket, { id: 's2', requests: 1, endsAt: 2 });
    expect(elsewhere).toBeInstanceOf(SliceRun);
    expect(buckets.writes).toBe(writes);
  });

  it('never lets an old slice turn back what has been started', async () => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const bucket = { id: 'b', limit: { perSecond: 10, burst: 5 } };
    await new Pacer(buckets, clock).open(bucket, { id: 's1', requests: 1, endsAt: 6_000 });
    await new Pacer(buckets, clock).open(bucket, { id: 'redriven', requests: 1, endsAt: 100 });
    expect(buckets.rows.get('b')?.started).toBe(6_000);
    await new Pacer(buckets, clock).open(bucket, { id: 'unplanned', requests: 1 });
    expect(buckets.rows.get('b')?.started).toBe(6_000);
  });

  it('gives back the slots that a slice has not used, so that no other environment waits for them', async () => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const bucket = { id: 'b', limit: { perSecond: 1, burst: 5 } };
    const run = await new Pacer(buckets, clock).open(bucket, { id: 's1', requests: 100 });
    if (!(run instanceof SliceRun)) throw new Error('has to wait');
    (await run.slot()).answered({ throttled: false });
    await run.close();
    expect(await new Pacer(buckets, clock).open(bucket, { id: 's2', requests: 1 })).toBeInstanceOf(SliceRun);
  });

  it('keeps the places of reserved slots when it adds some behind them', async () => {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const bucket = { id: 'b', limit: { perSecond: 1, burst: 5 } };
    const run = await new Pacer(buckets, clock).open(bucket, { id: 's1', requests: 3 });
    if (!(run instanceof SliceRun)) throw new Error('has to wait');
    (await run.slot()).answered({ throttled: false });
    await run.extend(1);
    expect(buckets.rows.get('b')?.tat).toBe(clock.now() + 4_000);
  });

  it('gives no slot that was not reserved', async () => {
    const clock = new VirtualClock();
    const opened = await new Pacer(new MemoryBuckets(), clock).open(
      { id: 'b', limit: { perSecond: 10, burst: 5 } },
      { id: 's1', requests: 1 },
    );
    if (!(opened instanceof SliceRun)) throw new Error('has to wait');
    const only = await opened.slot();
    only.left();
    await expect(opened.slot()).rejects.toThrow(/used up its slots/);
    await opened.extend(1);
    await clock.run(opened.slot());
  });
});
