import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ask } from '../../local/bulk/ask.ts';

async function answered(give: (input: PassThrough) => void): Promise<boolean> {
  const input = new PassThrough();
  const answer = ask('Really? ', { input, output: new PassThrough() });
  give(input);
  return answer;
}

describe('a question', () => {
  it.each([
    ['y\n', true],
    [' YES \n', true],
    ['\n', false],
    ['yesterday\n', false],
  ])('answered with %j is %s', async (text, expected) => {
    expect(await answered((input) => void input.write(text))).toBe(expected);
  });

  it('that gets no answer is a no', async () => {
    expect(await answered((input) => void input.end())).toBe(false);
  });
});
