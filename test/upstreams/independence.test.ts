import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../local/upstreams');
/** The check of signatures is written from AWS's description, and knows neither the product nor its library. */
const ALLOWED = path.resolve(ROOT, '../signature-v4.ts');

describe('the simulated upstreams', () => {
  it('import nothing of the product, or the tests would agree with our own misreading', async () => {
    const outside: string[] = [];
    for await (const file of glob('**/*.ts', { cwd: ROOT })) {
      const source = await readFile(path.join(ROOT, file), 'utf8');
      for (const [, target = ''] of source.matchAll(/(?:from|import\()\s*'(\.[^']*)'/g)) {
        const resolved = path.resolve(ROOT, path.dirname(file), target);
        if (!resolved.startsWith(ROOT + path.sep) && resolved !== ALLOWED) outside.push(`${file} imports ${target}`);
      }
    }
    expect(outside).toEqual([]);
  });
});
