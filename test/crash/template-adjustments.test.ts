import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adjustTemplate } from './template-adjustments.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offer-relay-adjustments-'));
  const manifest = {
    artifacts: { Stack: { type: 'aws:cloudformation:stack', properties: { templateFile: 'stack.json' } } },
  };
  const queue = (path: string) => ({
    Type: 'AWS::SQS::Queue',
    Properties: { VisibilityTimeout: 90, FifoQueue: true },
    Metadata: { 'aws:cdk:path': path },
  });
  const template = {
    Resources: { A: queue('Stack/Queues/Slices/Resource'), B: queue('Stack/Queues/Others/Resource') },
  };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'stack.json'), JSON.stringify(template));
});
afterEach(() => rmSync(folder, { recursive: true }));

const visibility = (constructPath: string, from: number) => ({
  constructPath,
  property: 'VisibilityTimeout',
  from,
  to: 15,
});

describe('an adjustment of the template', () => {
  it('changes one property of one resource, and says so', () => {
    expect(adjustTemplate(folder, [visibility('Queues/Slices', 90)])).toEqual([
      'VisibilityTimeout of Queues/Slices is 15 in place of 90',
    ]);
    const { Resources } = JSON.parse(readFileSync(join(folder, 'stack.json'), 'utf8')) as {
      Resources: Record<string, { Properties: object }>;
    };
    expect(Resources['A']?.Properties).toEqual({ VisibilityTimeout: 15, FifoQueue: true });
    expect(Resources['B']?.Properties).toEqual({ VisibilityTimeout: 90, FifoQueue: true });
  });

  it.each([
    ['the resource is not there', visibility('Queues/Slice', 90)],
    ['the stack has changed', visibility('Queues/Slices', 60)],
    ['the property is not there', { ...visibility('Queues/Slices', 90), property: 'Timeout' }],
  ])('is refused when %s', (_, adjustment) => {
    expect(() => adjustTemplate(folder, [adjustment])).toThrow(/the template has no .* at Queues/);
  });
});
