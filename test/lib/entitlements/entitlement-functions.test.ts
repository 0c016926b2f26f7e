import { describe, expect, test } from 'vitest';
import type { GranterSettings } from '../../../lambdas/shared/settings.ts';
import { entitlementsWith, partnerWith, type StageChanges, stageWith, webhook } from '../partner-api/partner-stages.ts';
import { allowedTo, functionOf, grantsOf, resourcesOf, withoutHash } from '../synthesis.ts';

const PLAYERS = 'PartnerApiFunctionsEntitlementsServePlayers';
const PUSHES = 'PartnerApiFunctionsEntitlementsTakePushes';
const SECRET = 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:';

const stageOf = (
  partners: Record<string, Partial<{ granter: GranterSettings; push: boolean; secret: string }>>,
  changes: StageChanges = {},
) =>
  stageWith({
    ...changes,
    partners: Object.fromEntries(
      Object.entries(partners).map(([name, values]) => [name, partnerWith({ entitlements: entitlementsWith(values) })]),
    ),
  });
const signedFor = (service: 'execute-api' | 'lambda', resourceArn: string) =>
  webhook({ kind: 'sigv4', service, region: 'eu-west-1', resourceArn });

const template = stageOf({ shop: {} });
const pushing = stageOf({ shop: {}, pushed: { push: true } });

const WRITES = ['ConditionCheckItem', 'DeleteItem', 'PutItem', 'UpdateItem'];
const onTable = (...actions: string[]) =>
  actions.map((action) => `dynamodb:${action} \${EntitlementsStoreEntitlements.Arn}`);
const BOTH = [
  ...onTable('GetItem', 'BatchGetItem', ...WRITES),
  'dynamodb:PutItem ${WatchTablesHistory.Arn}',
  'secretsmanager:GetSecretValue ${PartnerApiStoreHashKey}',
  'sqs:SendMessage ${EntitlementsQueue.Arn}',
];
const OF_PLAYERS = [...BOTH, ...onTable('Query')].sort();
const OF_PUSHES = [
  ...BOTH,
  `secretsmanager:GetSecretValue ${SECRET}offer-relay/prod/entitlements/pushed-??????`,
].sort();

const added = (allowed: string[], to: string[]) => {
  expect(allowed).toEqual(expect.arrayContaining(to));
  return allowed.filter((one) => !to.includes(one));
};

describe('the functions of entitlements', () => {
  test('may do what a fulfilment with the own inventory needs', () => {
    expect(allowedTo(template, PLAYERS)).toEqual(OF_PLAYERS);
    expect(allowedTo(pushing, PLAYERS)).toEqual(OF_PLAYERS);
  });

  test('take pushes with the key of a partner that has them, and without asking Amazon or reading inventories', () => {
    expect(allowedTo(pushing, PUSHES)).toEqual(OF_PUSHES);
    const trusting = stageOf({ pushed: { push: true } }, { entitlements: { trustSecret: 'team/authority' } });
    expect(added(allowedTo(trusting, PLAYERS), OF_PLAYERS)).toEqual([
      `secretsmanager:GetSecretValue ${SECRET}team/authority-??????`,
    ]);
    expect(allowedTo(trusting, PUSHES)).toEqual(OF_PUSHES);
  });

  test('take no pushes where no partner has them', () => {
    expect(functionOf(template, PUSHES)).toBeUndefined();
    expect(functionOf(pushing, PUSHES)).toBeDefined();
    expect([...resourcesOf(template).keys()].filter((id) => id.includes('TakePushes'))).toEqual([]);
  });

  test('read the keys of webhooks of partners that they grant for', () => {
    const keyed = stageOf({
      keyed: { granter: webhook() },
      pushed: { push: true },
      both: { push: true, granter: webhook(), secret: 'team/both' },
    });
    expect(added(allowedTo(keyed, PLAYERS), OF_PLAYERS)).toEqual([
      `secretsmanager:GetSecretValue ${SECRET}offer-relay/prod/entitlements/keyed-??????`,
      `secretsmanager:GetSecretValue ${SECRET}team/both-??????`,
    ]);
    expect(added(allowedTo(keyed, PUSHES), OF_PUSHES)).toEqual([
      `secretsmanager:GetSecretValue ${SECRET}team/both-??????`,
    ]);
  });

  test.each([
    ['execute-api', 'arn:aws:execute-api:eu-west-1:444455556666:abc123/prod/*', ['execute-api:Invoke']],
    [
      'lambda',
      'arn:aws:lambda:eu-west-1:444455556666:function:grants',
      ['lambda:InvokeFunction', 'lambda:InvokeFunctionUrl'],
    ],
  ] as const)('call a webhook that is signed for %s, each for its own partners', (service, arn, actions) => {
    const signed = stageOf({
      one: { granter: signedFor(service, arn) },
      // The same backend.
      two: { granter: signedFor(service, arn) },
      pushed: { push: true },
    });
    const invoke = actions.map((action) => `${action} ${arn}`);
    expect(added(allowedTo(signed, PLAYERS), OF_PLAYERS)).toEqual(invoke);
    expect(allowedTo(signed, PUSHES)).toEqual(OF_PUSHES);

    const pushed = stageOf({ pushed: { push: true, granter: signedFor(service, arn) } });
    expect(added(allowedTo(pushed, PUSHES), OF_PUSHES)).toEqual(invoke);
  });

  test('invoke the function of a webhook by its URL only', () => {
    const arn = 'arn:aws:lambda:eu-west-1:444455556666:function:grants';
    const signed = stageOf({ pushed: { push: true, granter: signedFor('lambda', arn) } });
    const conditions = grantsOf(signed)
      .filter(({ resource }) => resource === arn)
      .map(({ role, action, condition }) => [withoutHash(role), action, condition]);
    const byUrl = { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } };
    const roles = [`${PLAYERS}Role`, `${PUSHES}Role`, 'EntitlementsResumeGrantsRole'];
    expect(conditions).toHaveLength(6);
    expect(conditions).toEqual(
      expect.arrayContaining(
        roles.flatMap((role) => [
          [role, 'lambda:InvokeFunctionUrl', undefined],
          [role, 'lambda:InvokeFunction', byUrl],
        ]),
      ),
    );
  });

  test('find table, history, queue and the key of hashes; only players are told apart by their partners', () => {
    const common = {
      ENTITLEMENTS_TABLE: '${EntitlementsStoreEntitlements}',
      HISTORY_TABLE: '${WatchTablesHistory}',
      GRANTS_QUEUE_URL: '${EntitlementsQueue}',
      HASH_KEY_SECRET: '${PartnerApiStoreHashKey}',
    };
    expect(functionOf(pushing, PUSHES)?.variables).toEqual(common);
    expect(functionOf(pushing, PLAYERS)?.variables).toEqual({
      ...common,
      PARTNERS: expect.stringMatching(/^shop=.+ pushed=.+$/),
    });
  });

  test.each([1_000, 18_000, 18_001, 22_000])(
    'have six seconds besides a deadline of %d ms, and less time than API Gateway waits',
    (deadlineMs) => {
      const stage = stageOf({ pushed: { push: true } }, { entitlements: { deadlineMs } });
      for (const name of [PLAYERS, PUSHES]) {
        const { Timeout = 0, ...properties } = functionOf(stage, name) ?? {};
        expect(Timeout).toBe(Math.ceil(deadlineMs / 1000) + 6);
        expect(Timeout).toBeLessThan(29);
        expect(properties).toMatchObject({ MemorySize: 512, TracingConfig: { Mode: 'Active' } });
      }
    },
  );
});
