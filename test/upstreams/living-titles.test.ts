import { describe, expect, it } from 'vitest';
import { LivingTitles } from '../../local/upstreams/offer-status/living-titles.ts';
import { ManualClock } from './running-simulator.ts';

const rules = { openWindows: false };

function catalogue(options: { seed?: number; tempo?: number; count?: number }): {
  clock: ManualClock;
  titles: LivingTitles;
} {
  const clock = new ManualClock();
  const titles = new LivingTitles({ seed: options.seed ?? 1, clock, rules, tempo: options.tempo });
  for (let index = 0; index < (options.count ?? 200); index += 1) titles.add({ licensor: 'l', alid: `title-${index}` });
  return { clock, titles };
}

function countChanges(titles: LivingTitles): number {
  return [...titles.all()].reduce((sum, title) => sum + title.states.length - 1, 0);
}

describe('a catalogue of living titles', () => {
  it('changes about once every two seconds by default when it has 200 titles', () => {
    const { clock, titles } = catalogue({});
    clock.pass(3_600_000);
    const changes = countChanges(titles);
    expect(changes).toBeGreaterThan(1800 * 0.9);
    expect(changes).toBeLessThan(1800 * 1.1);
  });

  it('changes at the tempo asked for, however many titles there are', () => {
    for (const count of [1, 50]) {
      const { clock, titles } = catalogue({ tempo: 600, count });
      clock.pass(300_000);
      expect(Math.abs(countChanges(titles) - 3000)).toBeLessThan(300);
    }
  });

  it('never changes by itself at tempo 0', () => {
    const { clock, titles } = catalogue({ tempo: 0 });
    clock.pass(86_400_000);
    expect(countChanges(titles)).toBe(0);
  });

  it('has the same history whether somebody looks often or once', () => {
    const watched = catalogue({ tempo: 600, count: 20 });
    const unwatched = catalogue({ tempo: 600, count: 20 });
    for (let second = 0; second < 60; second += 1) {
      watched.clock.pass(1000);
      watched.titles.passTime();
    }
    unwatched.clock.pass(60_000);
    expect([...watched.titles.all()]).toEqual([...unwatched.titles.all()]);
  });

  it('dates each change at the time it fell due, in order and never in the future', () => {
    const { clock, titles } = catalogue({ tempo: 600, count: 5 });
    const born = clock.now();
    clock.pass(120_000);
    for (const { states } of titles.all()) {
      const times = states.map((state) => state.at);
      expect(times).toEqual([...times].sort((one, other) => one - other));
      expect(times[0]).toBe(born);
      expect(times.at(-1)).toBeLessThanOrEqual(clock.now());
      expect(states.map((state) => state.step)).toEqual(states.map((_, index) => index));
    }
  });

  it('goes through the same states by explicit steps, whichever other titles exist', () => {
    const alone = catalogue({ tempo: 0, count: 1 });
    const crowded = catalogue({ tempo: 0, count: 30 });
    const statesOf = ({ titles }: { titles: LivingTitles }): unknown[] => {
      const title = titles.find({ licensor: 'l', alid: 'title-0' });
      if (!title) throw new Error('missing');
      for (let step = 0; step < 25; step += 1) titles.advance(title);
      return title.states;
    };
    expect(statesOf(alone)).toEqual(statesOf(crowded));
  });

  it('stamps offers for no reason now and then', () => {
    const { clock, titles } = catalogue({ tempo: 60, count: 1 });
    const title = titles.find({ licensor: 'l', alid: 'title-0' });
    const changed = new Set<number>();
    const stamped = new Set<number>();
    for (let second = 0; second < 300; second += 1) {
      clock.pass(1000);
      titles.passTime();
      for (const at of title?.stamps.values() ?? []) stamped.add(at);
    }
    for (const { at } of title?.states ?? []) changed.add(at);
    expect([...stamped].some((at) => !changed.has(at))).toBe(true);
  });

  it('leaves deleted titles alone and lets the others go on', () => {
    const { clock, titles } = catalogue({ tempo: 600, count: 3 });
    const gone = titles.find({ licensor: 'l', alid: 'title-1' });
    if (!gone) throw new Error('missing');
    titles.forget(gone);
    clock.pass(60_000);
    const steps = [...titles.all()].map((title) => title.states.length);
    expect(gone.states.at(-1)).toMatchObject({ event: 'deleted', known: false, offers: [] });
    expect(steps[0]).toBeGreaterThan(100);
    expect(steps[1]).toBe(2);
    expect(steps[2]).toBeGreaterThan(100);
  });

  it('goes on after all titles were deleted and one came back', () => {
    const { clock, titles } = catalogue({ tempo: 600, count: 1 });
    const [title] = [...titles.all()];
    if (!title) throw new Error('missing');
    titles.forget(title);
    clock.pass(60_000);
    titles.set(title, title.states[0]?.offers ?? []);
    clock.pass(60_000);
    titles.passTime();
    expect(title.states.length).toBeGreaterThan(300);
  });
});
