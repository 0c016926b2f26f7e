import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeProgress, duration, plural, Screen } from '../../local/bulk/screen.ts';

/** A terminal, or a file, that keeps what is written to it. */
function output(isTTY: boolean) {
  let written = '';
  const out = { isTTY, columns: 60, write: (text: string) => ((written += text), true), getColorDepth: () => 8 };
  return { out: out as unknown as NodeJS.WriteStream, written: () => written };
}
const progress = () => ({ count: 500, noun: 'lines', done: 25, total: 100 });

describe('progress', () => {
  afterEach(() => void vi.useRealTimers());

  it('tells the share of the file by its bytes, the speed and the time left', () => {
    expect(describeProgress({ count: 1_500, noun: 'lines', done: 25, total: 100 }, 10)).toBe(
      `${'█'.repeat(6)}${'░'.repeat(18)}  25 %  1,500 lines, 150/s, 30 s left`,
    );
    expect(describeProgress({ count: 1_500, noun: 'lines', done: 25, total: undefined }, 10)).toBe(
      '1,500 lines, 150/s',
    );
    expect(describeProgress({ count: 0, noun: 'lines', done: 0, total: 0 }, 0)).toBe('0 lines, 0/s');
  });

  it('redraws one line of a terminal, and clears it before a message', () => {
    vi.useFakeTimers();
    const { out, written } = output(true);
    const screen = new Screen(out, { quiet: false });
    screen.beginProgress(progress);
    vi.advanceTimersByTime(400);
    screen.line('line 3: alid is empty');
    screen.endProgress();
    const [first = '', second = '', ...rest] = written().split('\r\u001b[2K');
    expect([first.length, second.length]).toEqual([59, 59]);
    expect(rest).toEqual(['line 3: alid is empty\n']);
  });

  it('writes a plain line now and then where there is no terminal, and nothing when it is to be quiet', () => {
    vi.useFakeTimers();
    const plain = output(false);
    new Screen(plain.out, { quiet: false }).beginProgress(progress);
    const quiet = output(true);
    new Screen(quiet.out, { quiet: true }).beginProgress(progress);
    vi.advanceTimersByTime(20_000);
    expect(plain.written().split('\n')).toHaveLength(3);
    expect(plain.written()).not.toContain('\u001b');
    expect(quiet.written()).toBe('');
  });

  it('says durations and counts as people do', () => {
    expect([duration(0.2), duration(200), duration(7_500)]).toEqual(['1 s', '3 min 20 s', '2 h 5 min']);
    expect([plural(1, 'slice'), plural(1_200, 'slice')]).toEqual(['1 slice', '1,200 slices']);
  });
});
