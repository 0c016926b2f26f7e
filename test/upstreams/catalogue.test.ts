import { describe, expect, it } from 'vitest';
import { exampleCatalogue } from '../../local/upstreams/catalogue.ts';

describe('the example catalogue', () => {
  it('is the same every time, and a longer one begins with the shorter one', () => {
    expect(exampleCatalogue(300, 4)).toEqual(exampleCatalogue(300, 4));
    expect(exampleCatalogue(300, 4).slice(0, 100)).toEqual(exampleCatalogue(100, 4));
    expect(exampleCatalogue(5, 4)).not.toEqual(exampleCatalogue(5, 5));
    expect(exampleCatalogue()).toHaveLength(200);
  });

  it('has distinct ALIDs, many of which need encoding', () => {
    const alids = exampleCatalogue(20_000, 1).map(({ alid }) => alid);
    expect(new Set(alids).size).toBe(alids.length);
    expect(alids.some((alid) => alid.includes('/'))).toBe(true);
    expect(alids.filter((alid) => alid.includes(':')).length).toBeGreaterThan(alids.length / 2);
  });

  it('belongs to one licensor, with a name for every title', () => {
    for (const { licensor, marketplace, title } of exampleCatalogue(50)) {
      expect([licensor, marketplace]).toEqual(['example-studios', 'GLOBAL']);
      expect(title.length).toBeGreaterThan(3);
    }
  });
});
