import { expect, test } from 'vitest';
import { countWithinPayload, splitByPayload } from '../../local/cloud/payload-batches.ts';

const records = ['é', 'b', 'c'];
const bytes = (count: number) => Buffer.byteLength(JSON.stringify({ Records: records.slice(0, count) }));

test('as many records fit as make up the payload to the byte', () => {
  for (const count of [1, 2, 3]) {
    expect(countWithinPayload(records, bytes(count))).toBe(count);
    if (count > 1) expect(countWithinPayload(records, bytes(count) - 1)).toBe(count - 1);
  }
});

test('a record that does not fit is handed over alone rather than never', () => {
  expect(countWithinPayload(records, 1)).toBe(1);
});

test('a split batch keeps its order and leaves nothing out', () => {
  expect(splitByPayload([0, 1, 2], (index) => records[index], bytes(2))).toEqual([[0, 1], [2]]);
  expect(splitByPayload([], () => undefined)).toEqual([]);
});
