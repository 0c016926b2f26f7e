import { describe, expect, it } from 'vitest';
import { unlessAborted, within } from './deadline.ts';

const endless = new Promise<never>(() => undefined);

describe('waiting', () => {
  it('gives what was waited for', async () => {
    expect(await within(60_000, 'it', Promise.resolve(3))).toBe(3);
    expect(await unlessAborted(new AbortController().signal, Promise.resolve(3))).toBe(3);
    expect(await unlessAborted(undefined, Promise.resolve(3))).toBe(3);
  });

  it('ends at its limit and names what it was for', async () => {
    await expect(within(20, 'the postman', endless)).rejects.toThrow('waited 0.02 s in vain for the postman');
  });

  it('ends when it is told to, also when it was told so before', async () => {
    const told = new AbortController();
    const waiting = unlessAborted(told.signal, endless);
    told.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(unlessAborted(told.signal, endless)).rejects.toThrow('enough');
  });

  it('passes on what goes wrong', async () => {
    await expect(within(60_000, 'it', Promise.reject(new Error('wrong')))).rejects.toThrow('wrong');
    await expect(unlessAborted(new AbortController().signal, Promise.reject(new Error('wrong')))).rejects.toThrow(
      'wrong',
    );
  });
});
