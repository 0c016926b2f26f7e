import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { oneLine, parseJson, redactor, shapeOf } from '../../lambdas/shared/answer-text.ts';

describe('the redactor', () => {
  const secret = "Atzr|a/b+c==&'d e";

  it.each([
    ['as it is', secret],
    ['percent-encoded', encodeURIComponent(secret)],
    ['as a form encodes it', new URLSearchParams({ token: secret }).toString().slice('token='.length)],
    ['with escaped slashes', secret.replaceAll('/', String.raw`\/`)],
    ['escaped for HTML', String.raw`Atzr|a/b+c\u003d\u003d\u0026\u0027d e`],
  ])('takes a secret out %s, wherever it stands', (_, echoed) => {
    expect(redactor([secret])(`{"a":"${echoed}","b":"${echoed}"}`)).toBe('{"a":"[redacted]","b":"[redacted]"}');
  });

  it('takes out each of several, and nothing where there is none', () => {
    expect(redactor(['one', 'two'])('one, two, three')).toBe('[redacted], [redacted], three');
    expect(redactor([''])('unchanged')).toBe('unchanged');
    expect(redactor([])('unchanged')).toBe('unchanged');
  });
});

describe('one line', () => {
  it('has no breaks, no control characters and no margins', () => {
    expect(oneLine(' a\r\n\tb\u0000c ')).toBe('a b c');
  });

  it('has at most 300 characters', () => {
    expect(oneLine('x'.repeat(300))).toBe('x'.repeat(300));
    expect(oneLine('x'.repeat(301))).toBe(`${'x'.repeat(299)}…`);
  });
});

describe('the shape of what is wrong', () => {
  const Answer = z.object({ items: z.array(z.object({ price: z.number() })) });
  const shape = (value: unknown): string => {
    const { error } = Answer.safeParse(value);
    if (!error) throw new Error('expected an error');
    return shapeOf(error);
  };

  it('is the same wherever in a list the slip is, and however often', () => {
    const bad = { price: 'x' };
    expect(shape({ items: [bad] })).toBe('items[].price:invalid_type');
    expect(shape({ items: [{ price: 1 }, bad, bad] })).toBe('items[].price:invalid_type');
  });

  it('names the whole where nothing fits, and is bounded', () => {
    expect(shape(7)).toBe('body:invalid_type');
    const wide = z.object(
      Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`field-${index}`, z.string()])),
    );
    expect(shapeOf(wide.safeParse({}).error!)).toHaveLength(500);
  });
});

it('reads JSON, and nothing where there is none', () => {
  expect(parseJson('{"a":1}')).toEqual({ a: 1 });
  expect(parseJson('{"a":')).toBeUndefined();
});
