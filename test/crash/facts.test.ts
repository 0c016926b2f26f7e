import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fact } from './facts.ts';
import { factWriter, readFacts } from './facts.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offer-relay-facts-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const began = (at: number): Fact => ({ kind: 'began', at, functionId: 'worker' });

describe('facts', () => {
  it('are read in the order of the lives, the harness first', () => {
    factWriter(folder, 1)(began(1));
    factWriter(folder, 0)({ kind: 'pause', at: 5, ms: 100 });
    factWriter(folder, 10)(began(4));
    factWriter(folder, 2)(began(3));
    factWriter(folder, 1)(began(2));
    expect(readFacts(folder).map(({ at }) => at)).toEqual([5, 1, 2, 3, 4]);
  });

  it('survive the line that a life was writing when it was killed', () => {
    factWriter(folder, 1)(began(1));
    appendFileSync(join(folder, 'facts-1.jsonl'), '{"kind":"began","at":2,"func');
    factWriter(folder, 2)(began(3));
    expect(readFacts(folder).map(({ at }) => at)).toEqual([1, 3]);
  });

  it('are not to be trusted when a line in the middle is none', () => {
    appendFileSync(join(folder, 'facts-1.jsonl'), '{"kind":"began"}\n');
    factWriter(folder, 1)(began(1));
    expect(() => readFacts(folder)).toThrow('line 1 is no fact');
  });
});
