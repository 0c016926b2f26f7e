import { describe, expect, test } from 'vitest';
import type { ConditionContext } from '../../local/cloud/iam/conditions.ts';
import { decide } from '../../local/cloud/iam/decision.ts';
import { readPolicy } from '../../local/cloud/iam/policy.ts';

const ROLE = 'arn:aws:iam::000000000000:role/worker';
const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:slices.fifo';

interface Case {
  own?: unknown;
  about?: unknown;
  action?: string;
  resource?: string;
  context?: ConditionContext;
  service?: string;
}

function judge({ own, about, action = 'sqs:SendMessage', resource = QUEUE, context = {}, service }: Case) {
  const statements = own === undefined ? [] : readPolicy({ Statement: own }, 'identity');
  const resourceStatements = about === undefined ? [] : readPolicy({ Statement: about }, 'resource');
  const subject = {
    accountId: '000000000000',
    statements,
    arns: service === undefined ? [ROLE] : [],
    ...(service === undefined ? {} : { service }),
  };
  const decision = decide(subject, { action, resource, context, resourceStatements });
  return decision.allowed ? 'allowed' : 'explicit' in decision ? decision.explicit : 'no policy';
}

const allow = (more: object = {}) => ({ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: QUEUE, ...more });
const deny = (more: object = {}) => ({ ...allow(more), Effect: 'Deny' });

describe('a role’s own policies', () => {
  test.each([
    ['exactly that', allow(), 'allowed'],
    [
      'a list with that',
      allow({ Action: ['sqs:DeleteMessage', 'sqs:SendMessage'], Resource: ['x', QUEUE] }),
      'allowed',
    ],
    ['that action in other letters', allow({ Action: 'SQS:sendmessage' }), 'allowed'],
    ['a wildcard over actions', allow({ Action: 'sqs:Send*' }), 'allowed'],
    ['a wildcard over resources', allow({ Resource: 'arn:aws:sqs:*:*:slices.*' }), 'allowed'],
    ['single characters', allow({ Resource: QUEUE.replace('slices', '??????') }), 'allowed'],
    ['too few characters', allow({ Resource: QUEUE.replace('slices', '?????') }), 'no policy'],
    ['another action', allow({ Action: 'sqs:DeleteMessage' }), 'no policy'],
    ['another resource', allow({ Resource: `${QUEUE}x` }), 'no policy'],
    ['the resource in other letters', allow({ Resource: QUEUE.toUpperCase() }), 'no policy'],
    ['a dot that is no wildcard', allow({ Resource: QUEUE.replace('.', 'x') }), 'no policy'],
    ['everything but that action', { ...allow(), Action: undefined, NotAction: 'sqs:SendMessage' }, 'no policy'],
    ['everything but another action', { ...allow(), Action: undefined, NotAction: 'sqs:Delete*' }, 'allowed'],
    ['everywhere but there', { ...allow(), Resource: undefined, NotResource: QUEUE }, 'no policy'],
    ['everywhere but elsewhere', { ...allow(), Resource: undefined, NotResource: 'other' }, 'allowed'],
  ])('allow %s', (_, own, expected) => {
    expect(judge({ own })).toBe(expected);
  });

  test('allow nothing where there is none', () => {
    expect(judge({})).toBe('no policy');
  });

  test('deny what they deny, whatever else allows it', () => {
    expect(judge({ own: [allow(), deny({ Action: 'sqs:*' })], about: allow({ Principal: '*' }) })).toBe(
      'identity-based',
    );
  });
});

describe('a resource’s own policy', () => {
  test.each([
    ['anybody', '*', 'allowed'],
    ['the role', { AWS: ROLE }, 'allowed'],
    ['another role', { AWS: `${ROLE}s` }, 'no policy'],
    [
      'the whole account, which leaves it to the account’s policies',
      { AWS: 'arn:aws:iam::000000000000:root' },
      'no policy',
    ],
    ['a service', { Service: 'events.amazonaws.com' }, 'no policy'],
  ])('lets in %s', (_, Principal, expected) => {
    expect(judge({ about: allow({ Principal }) })).toBe(expected);
  });

  test('lets in the service that it names, and no other', () => {
    const about = allow({ Principal: { Service: 'events.amazonaws.com' } });
    expect(judge({ about, service: 'events.amazonaws.com' })).toBe('allowed');
    expect(judge({ about, service: 'sns.amazonaws.com' })).toBe('no policy');
  });

  test('denies what it denies to the role’s account or to anybody', () => {
    for (const Principal of ['*', { AWS: '*' }, { AWS: '000000000000' }]) {
      expect(judge({ own: allow(), about: deny({ Principal }) })).toBe('resource-based');
    }
    expect(judge({ own: allow(), about: deny({ Principal: { AWS: '111122223333' } }) })).toBe('allowed');
  });
});

describe('a condition', () => {
  const source = 'arn:aws:events:us-east-1:000000000000:rule/bus/went-live';
  test.each([
    [{ StringEquals: { 'aws:SourceAccount': '000000000000' } }, 'allowed'],
    [{ StringEquals: { 'aws:SourceAccount': ['1', '000000000000'] } }, 'allowed'],
    [{ StringEquals: { 'aws:SourceAccount': '111122223333' } }, 'no policy'],
    [{ StringNotEquals: { 'aws:SourceAccount': '111122223333' } }, 'allowed'],
    [{ StringNotEquals: { 'aws:SourceAccount': ['1', '000000000000'] } }, 'no policy'],
    [{ StringEqualsIgnoreCase: { 'aws:SecureTransport': 'TRUE' } }, 'allowed'],
    [{ StringLike: { 'aws:SourceArn': '*:rule/bus/*' } }, 'allowed'],
    [{ StringNotLike: { 'aws:SourceArn': '*:rule/bus/*' } }, 'no policy'],
    [{ ArnLike: { 'aws:SourceArn': 'arn:aws:events:*:*:rule/bus/*' } }, 'allowed'],
    [{ ArnEquals: { 'aws:SourceArn': source } }, 'allowed'],
    [{ ArnLike: { 'aws:SourceArn': 'arn:aws:events:*:rule/bus/*' } }, 'no policy'],
    [{ ArnNotLike: { 'aws:SourceArn': 'arn:aws:events:*:*:rule/other/*' } }, 'allowed'],
    [{ Bool: { 'aws:SecureTransport': true } }, 'allowed'],
    [{ Bool: { 'aws:SecureTransport': 'false' } }, 'no policy'],
    [{ Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } }, 'no policy'],
    [{ Bool: { 'lambda:InvokedViaFunctionUrl': false } }, 'no policy'],
    [{ BoolIfExists: { 'lambda:InvokedViaFunctionUrl': 'true' } }, 'allowed'],
    [{ Null: { 'aws:PrincipalArn': 'true' } }, 'allowed'],
    [{ Null: { 'aws:SourceArn': true } }, 'no policy'],
    [{ StringEquals: { 'aws:PrincipalArn': ROLE } }, 'no policy'],
    [{ StringEqualsIfExists: { 'aws:PrincipalArn': ROLE } }, 'allowed'],
    [{ StringNotEquals: { 'aws:PrincipalArn': ROLE } }, 'allowed'],
    [{ StringEquals: { 'aws:SourceAccount': '${aws:SourceAccount}' } }, 'allowed'],
    [{ StringEquals: { 'aws:SourceAccount': '${aws:PrincipalAccount}' } }, 'no policy'],
    [{ Bool: { 'aws:SecureTransport': 'true' }, StringEquals: { 'aws:SourceAccount': '1' } }, 'no policy'],
  ])('%j', (Condition, expected) => {
    const context = { 'aws:sourceaccount': '000000000000', 'aws:sourcearn': source, 'aws:securetransport': 'true' };
    expect(judge({ own: allow({ Condition }), context })).toBe(expected);
  });
});

describe('reading a policy', () => {
  test.each([
    ['a misspelt element', { Statement: { ...allow(), Actions: 'x' } }, /Actions/],
    ['an effect that there is not', { Statement: { ...allow(), Effect: 'Permit' } }, /Statement/],
    ['no action', { Statement: { Effect: 'Allow', Resource: '*' } }, /Action/],
    [
      'an operator that cannot be judged',
      { Statement: allow({ Condition: { DateLessThan: { 'aws:CurrentTime': 'x' } } }) },
      /DateLessThan/,
    ],
    [
      'a key that cannot be judged',
      { Statement: allow({ Condition: { StringEquals: { 'aws:SourceVpc': 'x' } } }) },
      /aws:SourceVpc/,
    ],
  ])('refuses %s by name', (_, document, message) => {
    expect(() => readPolicy(document, 'identity')).toThrow(message);
  });

  test.each<[string, unknown, 'identity' | 'resource' | 'trust', RegExp]>([
    ['a role’s policy without a resource', { ...allow(), Resource: undefined }, 'identity', /names no resource/],
    ['a role’s policy with a principal', allow({ Principal: '*' }), 'identity', /names no principal/],
    ['a resource’s policy without a principal', allow(), 'resource', /names no principal/],
    ['a trust policy with a resource', allow({ Principal: '*' }), 'trust', /a trust policy names no resource/],
    ['Resource beside NotResource', allow({ NotResource: 'x' }), 'identity', /either Resource or NotResource/],
    ['NullIfExists', allow({ Condition: { NullIfExists: { 'aws:SourceArn': 'true' } } }), 'identity', /NullIfExists/],
  ])('refuses %s', (_, statement, kind, message) => {
    expect(() => readPolicy({ Statement: statement }, kind)).toThrow(message);
  });
});
