import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Cloud } from '../../local/cloud/cloud.ts';
import { createCloud } from '../../local/cloud/cloud.ts';
import { synthesise } from '../../local/synthesise.ts';

interface Template {
  readonly Resources: Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>;
}
interface Statement {
  Action: string | string[];
}
interface RoleProperties {
  Policies: { PolicyDocument: { Statement: Statement[] } }[];
}

const STAGE = 'strict';
const PLANNER = 'TitleChecks/Planner/Function';
let folder: string;
let templateFile: string;
let whole: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offer-relay-strict-'));
  const config = join(folder, 'config');
  mkdirSync(config);
  writeFileSync(
    join(config, `${STAGE}.json`),
    JSON.stringify({ removalPolicy: 'destroy', offerStatus: { accounts: { main: { licensors: ['studio'] } } } }),
  );
  await synthesise(STAGE, join(folder, 'cdk.out'), { config });
  templateFile = join(folder, 'cdk.out', `OfferRelay-${STAGE}.template.json`);
  whole = readFileSync(templateFile, 'utf8');
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The stack without something. */
async function cloudWithout(forget: (template: Template) => void): Promise<{ cloud: Cloud; told: string[] }> {
  const template = JSON.parse(whole) as Template;
  forget(template);
  writeFileSync(templateFile, JSON.stringify(template));
  const told: string[] = [];
  const cloud = await createCloud({
    assembly: join(folder, 'cdk.out'),
    dataDir: mkdtempSync(join(folder, 'cloud-')),
    onRefusal: (text) => told.push(text),
    onLog: ({ functionId, text }) => told.push(`${functionId}: ${text}`),
  });
  onTestFinished(() => cloud.stop());
  return { cloud, told };
}

/** The one resource whose logical id begins so and has that type. */
function resourceOf({ Resources }: Template, start: string, type: string) {
  const found = Object.entries(Resources).filter(([id, { Type }]) => id.startsWith(start) && Type === type);
  expect(found.map(([id]) => id)).toHaveLength(1);
  return { id: found[0]![0], properties: found[0]![1].Properties };
}

function removeAction(template: Template, role: string, action: string): void {
  const { Policies } = resourceOf(template, role, 'AWS::IAM::Role').properties as unknown as RoleProperties;
  let removed = 0;
  for (const { PolicyDocument } of Policies) {
    PolicyDocument.Statement = PolicyDocument.Statement.flatMap((statement) => {
      const actions = [statement.Action].flat();
      const left = actions.filter((one) => one !== action);
      removed += actions.length - left.length;
      return left.length === 0 ? [] : [{ ...statement, Action: left }];
    });
  }
  expect(removed).toBe(1);
}

describe('what the stack forgets, the local cloud names:', () => {
  it('nothing, when it is whole', async () => {
    const { cloud, told } = await cloudWithout(() => undefined);
    expect(await cloud.invoke(PLANNER, {})).toMatchObject({ outcome: 'success' });
    expect(told.filter((line) => line.includes('not authorized'))).toEqual([]);
  });

  it('a permission, with function, action and resource, to whoever watches and in the function’s log', async () => {
    const { cloud, told } = await cloudWithout((template) =>
      removeAction(template, 'TitleChecksPlannerRole', 'dynamodb:Query'),
    );
    const result = await cloud.invoke(PLANNER, {});
    const index = `arn:aws:dynamodb:us-east-1:000000000000:table/${cloud.physicalId('WatchTables/Watches')}/index/lap`;
    const refusal = `is not authorized to perform: dynamodb:Query on resource: ${index} because no identity-based policy`;
    expect(result).toMatchObject({ outcome: 'error', error: { errorMessage: expect.stringContaining(refusal) } });
    const line = told.find((text) => text.includes(' (function): '));
    expect(line).toMatch(/^TitleChecksPlannerFunction\w+ \(function\): User: arn:aws:sts::.*Planner/);
    expect(line).toContain(refusal);
    expect(told.some((text) => /^TitleChecksPlanner\w+: .*AccessDenied/.test(text) && text.includes(refusal))).toBe(
      true,
    );
  });

  it('a permission that Lambda needs, before anything runs', async () => {
    const starting = cloudWithout((template) => removeAction(template, 'TitleChecksWorkerRole', 'sqs:ReceiveMessage'));
    await expect(starting).rejects.toThrow(
      /^TitleChecksSlicesToWorker\w+ \(AWS::Lambda::EventSourceMapping\), .*not authorized to perform: sqs:ReceiveMessage on resource: \S+Slices/,
    );
  });

  it('a variable', async () => {
    const { cloud } = await cloudWithout((template) => {
      const { properties } = resourceOf(template, 'TitleChecksPlannerFunction', 'AWS::Lambda::Function');
      const { Variables } = properties['Environment'] as { Variables: Record<string, unknown> };
      expect(Variables).toHaveProperty('BUCKETS_TABLE');
      delete Variables['BUCKETS_TABLE'];
    });
    const errorMessage: unknown = expect.stringContaining('BUCKETS_TABLE');
    expect(await cloud.invoke(PLANNER, {})).toMatchObject({ outcome: 'error', error: { errorMessage } });
  });

  it.each([
    [
      'TitleChecksSlicesToWorker',
      [
        /TitleChecksQueuesSlices\w+ \(AWS::SQS::Queue\): .*no event source reads it/,
        /TitleChecksWorkerFunction\w+ \(AWS::Lambda::Function\): no event source, schedule or rule calls it/,
      ],
    ],
    [
      'ChangePublishingHistoryToPublishChanges',
      [
        /WatchTablesHistory\w+ \(AWS::DynamoDB::Table\): its stream is read by no event source/,
        /ChangePublishingPublishChangesFunction\w+ \(AWS::Lambda::Function\): no event source, schedule or rule calls it/,
      ],
    ],
  ])('the event source %s, by what waits in vain without it', async (source, messages) => {
    const starting = cloudWithout((template) => {
      delete template.Resources[resourceOf(template, source, 'AWS::Lambda::EventSourceMapping').id];
    });
    for (const part of messages) await expect(starting).rejects.toThrow(part);
  });

  it('an index', async () => {
    const { cloud } = await cloudWithout((template) => {
      const { properties } = resourceOf(template, 'WatchTablesWatches', 'AWS::DynamoDB::Table');
      delete properties['GlobalSecondaryIndexes'];
      properties['AttributeDefinitions'] = [{ AttributeName: 'watchId', AttributeType: 'S' }];
    });
    const errorMessage: unknown = expect.stringMatching(/specified index: lap/);
    expect(await cloud.invoke(PLANNER, {})).toMatchObject({ outcome: 'error', error: { errorMessage } });
  });

  it('a stream', async () => {
    const starting = cloudWithout((template) => {
      delete resourceOf(template, 'WatchTablesHistory', 'AWS::DynamoDB::Table').properties['StreamSpecification'];
    });
    await expect(starting).rejects.toThrow(/WatchTablesHistory\w+\.StreamArn/);
  });
});
