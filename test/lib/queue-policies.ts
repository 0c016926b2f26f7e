import type { Template } from 'aws-cdk-lib/assertions';
import { expect } from 'vitest';
import * as z from 'zod';
import { resourcesOf, withoutHash } from './synthesis.ts';

const Policy = z.object({
  Queues: z.tuple([z.object({ Ref: z.string() })]),
  PolicyDocument: z.object({ Statement: z.array(z.record(z.string(), z.unknown())) }),
});

/** What the policies of a queue say, but for the rule that every call comes over TLS. */
export function statementsOf(from: Template, queue: string): Record<string, unknown>[] {
  const policies = [...resourcesOf(from, 'AWS::SQS::QueuePolicy').values()]
    .map(({ Properties }) => Policy.parse(Properties))
    .filter(({ Queues: [{ Ref }] }) => withoutHash(Ref) === queue);
  expect(policies).toHaveLength(1);
  const [tls, ...rest] = policies[0]?.PolicyDocument.Statement ?? [];
  expect(tls).toMatchObject({
    Effect: 'Deny',
    Action: 'sqs:*',
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  });
  return rest;
}
