import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import type { ApiOperation } from '../../../lib/partner-api/api-document.ts';
import { flatten, grantsOf, resourcesOf, withoutHash } from '../synthesis.ts';
import { document, entitlementsWith, partnerWith, stageWith } from './partner-stages.ts';

const API = 'arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${PartnerApiGatewayApi}/prod/';

const template = stageWith({
  partners: {
    shop: partnerWith({ plan: { perSecond: 2.5, burst: 5, quota: { requests: 1000, period: 'WEEK' } } }),
    'till-2': partnerWith({ accountId: '444455556666', externalId: 'till', capabilities: ['offer-codes'] }),
    reader: partnerWith({ accountId: '777788889999', capabilities: ['reading'] }),
    game: partnerWith({ accountId: '777788889999', capabilities: ['entitlements'] }),
    seller: partnerWith({ accountId: '777788889999', capabilities: ['buy-with-prime'] }),
    keeper: partnerWith({ accountId: '777788889999', capabilities: ['watch-list'] }),
    nobody: partnerWith({ accountId: '777788889999', capabilities: [] }),
  },
});

/** What the partner's role may invoke, such as `GET/v1/health`. */
function invocable(partner: string, of = template): string[] {
  const grants = grantsOf(of).filter(({ role }) => withoutHash(role) === `PartnerApiPartner${partner}Role`);
  expect(new Set(grants.map(({ action }) => action))).toEqual(new Set(['execute-api:Invoke']));
  return grants.map(({ resource }) => {
    expect(resource.startsWith(API)).toBe(true);
    return resource.slice(API.length);
  });
}

const operationsOf = (...capabilities: ApiOperation['capability'][]) =>
  document.operations
    .filter(({ capability }) => capabilities.includes(capability))
    .map(({ method, path }) => `${method}${path.replaceAll(/\{\w+\}/g, '*')}`)
    .sort();

describe("a partner's role", () => {
  test('can be assumed by its own account only, and only with its external id', () => {
    for (const [partner, account, externalId] of [
      ['shop', '111122223333', 'agreed-upon'],
      ['till2', '444455556666', 'till'],
    ] as const) {
      const [role] = [...resourcesOf(template, 'AWS::IAM::Role')].filter(
        ([id]) => withoutHash(id) === `PartnerApiPartner${partner}Role`,
      );
      expect(role?.[1].Properties['AssumeRolePolicyDocument']).toEqual({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: 'sts:AssumeRole',
            Principal: { AWS: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::${account}:root`]] } },
            Condition: { StringEquals: { 'sts:ExternalId': externalId } },
          },
        ],
      });
      expect(role?.[1].Properties['ManagedPolicyArns']).toBeUndefined();
    }
  });

  test.each([
    ['shop', ['offer-codes', 'entitlements', 'buy-with-prime', 'reading', 'watch-list', 'service']],
    ['till2', ['offer-codes', 'service']],
    ['reader', ['reading', 'service']],
    ['game', ['entitlements', 'service']],
    ['seller', ['buy-with-prime', 'service']],
    ['keeper', ['watch-list', 'service']],
    ['nobody', ['service']],
  ] as const)('of %s may invoke exactly the methods of %j', (partner, capabilities) => {
    expect(invocable(partner).sort()).toEqual(operationsOf(...capabilities));
    expect(operationsOf(...capabilities).length).toBeGreaterThan(1);
  });

  test('may not invoke the methods that Amazon calls, even where the partner has the push integration', () => {
    const pushing = stageWith({ partners: { game: partnerWith({ entitlements: entitlementsWith({ push: true }) }) } });
    expect(operationsOf('push')).toHaveLength(3);
    expect(invocable('game', pushing).filter((method) => method.includes('/push/'))).toEqual([]);
    expect(invocable('game', pushing).sort()).toEqual(invocable('shop').sort());
  });

  test('cannot reach a method of another capability through the star of a parameter', () => {
    // A star of a policy stands for slashes as well.
    const matches = (pattern: string, name: string) =>
      new RegExp(`^${pattern.replaceAll(/[.+]/g, '\\$&').replaceAll('*', '.*')}$`).test(name);
    expect(matches('GET/v1/titles/*/status', 'GET/v1/titles/a/b/status')).toBe(true);
    for (const partner of ['till2', 'reader', 'game', 'seller', 'keeper', 'nobody']) {
      const patterns = invocable(partner);
      const reachable = document.operations.filter(({ method, path }) =>
        patterns.some((pattern) => matches(pattern, `${method}${path}`)),
      );
      expect(reachable).toHaveLength(patterns.length);
    }
  });

  test('has a policy that IAM takes, however long the names are', () => {
    const stage = stageWith({ partners: { [`p${'-0123456789'.repeat(3)}`]: partnerWith() } });
    const [role] = [...resourcesOf(stage, 'AWS::IAM::Role')].filter(([id]) => id.startsWith('PartnerApiPartner'));
    // Inline policies of a role together, white space aside; the values of the longest region and partition.
    const text = JSON.stringify(role?.[1].Properties['Policies'])
      .replaceAll('${AWS::Partition}', 'aws-us-gov')
      .replaceAll('${AWS::Region}', 'ap-southeast-1')
      .replaceAll('${AWS::AccountId}', '111122223333')
      .replaceAll(/\$\{PartnerApiGatewayApi\w+\}/g, 'abcde12345')
      .replaceAll('/prod/', `/${'s'.repeat(40)}/`);
    expect(text.length).toBeLessThan(10_240);
  });
});

describe("a partner's key", () => {
  const plans = resourcesOf(template, 'AWS::ApiGateway::UsagePlan');
  const Link = z.object({
    KeyId: z.object({ Ref: z.string() }),
    KeyType: z.literal('API_KEY'),
    UsagePlanId: z.object({ Ref: z.string() }),
  });
  const links = [...resourcesOf(template, 'AWS::ApiGateway::UsagePlanKey').values()].map(({ Properties }) =>
    Link.parse(Properties),
  );

  test('is made by API Gateway: no template holds its value', () => {
    const keys = [...resourcesOf(template, 'AWS::ApiGateway::ApiKey').values()];
    expect(keys).toHaveLength(7);
    for (const { Properties } of keys) {
      expect(Object.keys(Properties).sort()).toEqual(['Description', 'Enabled']);
      expect(Properties['Enabled']).toBe(true);
    }
  });

  test("counts against the partner's own plan of the stage, and no other", () => {
    const own = links.map(({ KeyId, UsagePlanId }) => [withoutHash(KeyId.Ref), withoutHash(UsagePlanId.Ref)].join(' '));
    expect(own.sort()).toEqual(
      ['game', 'keeper', 'nobody', 'reader', 'seller', 'shop', 'till2'].map(
        (name) => `PartnerApiPartner${name}ApiKey PartnerApiPartner${name}UsagePlan`,
      ),
    );
    for (const { Properties } of plans.values()) {
      expect(Properties['ApiStages']).toEqual([
        expect.objectContaining({
          ApiId: { Ref: expect.stringMatching(/^PartnerApiGatewayApi/) },
          Stage: { Ref: expect.stringMatching(/^PartnerApiGatewayApiDeploymentStageprod/) },
        }),
      ]);
    }
  });

  test('lets through what the settings say', () => {
    const planOf = (name: string) =>
      [...plans].find(([id]) => withoutHash(id) === `PartnerApiPartner${name}UsagePlan`)?.[1].Properties;
    expect(planOf('shop')).toMatchObject({
      Throttle: { RateLimit: 2.5, BurstLimit: 5 },
      Quota: { Limit: 1000, Period: 'WEEK' },
    });
    expect(planOf('till2')).toMatchObject({ Throttle: { RateLimit: 10, BurstLimit: 20 } });
    expect(planOf('till2')).not.toHaveProperty('Quota');
  });

  test('is known to every function together with the role of its partner', () => {
    const names = ['shop', 'till-2', 'reader', 'game', 'seller', 'keeper', 'nobody'];
    const bindings = names.map((name) => {
      const id = `PartnerApiPartner${name.replace('-', '')}`;
      return `${name}=\${${id}Role.RoleId}/\${${id}ApiKey}`;
    });
    const Environment = z.object({ Variables: z.object({ PARTNERS: z.unknown().optional() }) });
    const given = [...resourcesOf(template, 'AWS::Lambda::Function').values()].flatMap(({ Properties }) => {
      const { PARTNERS } = Environment.parse(Properties['Environment']).Variables;
      return PARTNERS === undefined ? [] : [flatten(PARTNERS)];
    });
    expect(given).toEqual(Array.from({ length: 6 }, () => bindings.join(' ')));
  });
});
