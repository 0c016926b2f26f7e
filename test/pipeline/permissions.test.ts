import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpublishedShard } from '../../lambdas/change-events/unpublished.ts';
import { titleWatchId } from '../../lambdas/shared/watches.ts';
import type { ServiceCall } from '../../local/cloud/cloud.ts';
import { matchesPattern } from '../../local/cloud/iam/conditions.ts';
import type { LocalStack } from './local-stack.ts';
import { LICENSOR, startLocalStack, titleOf } from './local-stack.ts';
import type { Stored } from './stored.ts';
import { storedIn } from './stored.ts';

/** What a role is allowed, or what has been done in its name: one action on one resource. */
interface Grant {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}
interface Statement {
  readonly Action: string | string[];
  readonly Resource: string | string[];
}

const ALIDS = Array.from({ length: 12 }, (_, index) => `TITLE_${index}`);
const [FIRST = ''] = ALIDS;
const BUCKET = 'offer-status|main|global|status';

const calls: ServiceCall[] = [];
let stack: LocalStack;
let stored: Stored;

/** Everything that every role of the template is allowed, action by action. */
function granted(): Grant[] {
  return [...stack.cloud.resources.values()].flatMap(({ type, arn = '', properties }) => {
    // Grants in other places would not be counted here.
    expect(type).not.toMatch(/^AWS::IAM::(Managed)?Policy$/);
    if (type !== 'AWS::IAM::Role') return [];
    expect(properties).not.toHaveProperty('ManagedPolicyArns');
    const policies = properties['Policies'] as { PolicyDocument: { Statement: Statement[] } }[];
    return policies.flatMap(({ PolicyDocument }) =>
      PolicyDocument.Statement.flatMap(({ Action, Resource }) =>
        [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ role: arn, action, resource }))),
      ),
    );
  });
}

const used = (): Grant[] =>
  calls.flatMap(({ caller, permissions }) =>
    permissions.map(({ action, resource }) => ({ role: caller.roleArn ?? '', action, resource })),
  );

const covers = (grant: Grant, use: Grant): boolean =>
  grant.role === use.role && grant.action === use.action && matchesPattern(use.resource, grant.resource);

/** As short as a reader needs it. */
const named = ({ role, action, resource }: Grant): string =>
  `${role.split('/').at(-1)?.replace(/-\w+$/, '')} ${action} ${resource}`;

const hasCalled = (action: string, part: string): boolean =>
  calls.some(({ caller, permissions }) =>
    permissions.some((one) => one.action === action && one.resource.includes(part) && caller.kind === 'function'),
  );

beforeAll(async () => {
  stack = await startLocalStack({
    titles: ALIDS,
    cloud: { onCall: (call) => calls.push(call), retryWaitScale: 0.001 },
  });
  stored = storedIn(stack.cloud);
}, 120_000);

afterAll(async () => {
  stored?.close();
  await stack?.stop();
});

describe('the permissions of the stack, in one run of all its flows', () => {
  it('runs them: sight, change, republishing, a poison message, a poison record, an outage with its slices sent anew', async () => {
    const told = (alid: string): number =>
      stack.events.filter((event) => (event.detail['data'] as { alid: string }).alid === alid).length;
    await stack.poll('the first sight of all titles', () => ALIDS.every((alid) => told(alid) > 0));

    const before = told(FIRST);
    await stack.control('POST', `/control/titles/${LICENSOR}/${FIRST}/advance`);
    await stack.poll('a change', () => told(FIRST) > before);

    const row = (await stored.history(FIRST)).at(-1)!;
    const republished = told(FIRST) + row.events.length;
    await stored.unpublish(row, unpublishedShard(row.watchId));
    await stack.cloud.invoke('ChangePublishing/RepublishChanges/Function', {});
    await stack.poll('the change to be told again', () => told(FIRST) >= republished);

    await stored.send(BUCKET, 'not a slice');
    await stack.poll('the poison message to be given up', () => hasCalled('sqs:SendMessage', 'DeadLetters'));

    await stored.putUnreadable(titleWatchId(titleOf('poison')));
    await stack.poll('the poison record to be given up', () => hasCalled('sqs:SendMessage', 'FailedBatches'));

    await stack.fault({ kind: 'status', code: 503, match: {} });
    await stack.poll('a slice to be hidden', () => hasCalled('sqs:ChangeMessageVisibility', 'Slices'));
    // A slice that an outage has held eight times is sent anew; nobody wants to wait for that.
    const slice = {
      id: 'held',
      bucket: BUCKET,
      class: 'steady',
      watches: ALIDS.map((alid) => titleWatchId(titleOf(alid))),
    };
    await stack.cloud.invoke('TitleChecks/Worker/Function', {
      Records: [
        {
          messageId: 'held-for-long',
          receiptHandle: 'none',
          body: JSON.stringify(slice),
          attributes: { ApproximateReceiveCount: '9', MessageGroupId: BUCKET },
        },
      ],
    });
    const workers = () =>
      calls.filter(({ caller }) => caller.kind === 'function' && caller.logicalId?.includes('TitleChecksWorker'));
    const sentAnew = () =>
      workers().some(
        ({ operation, input }) => operation === 'SendMessage' && String(input['MessageBody']).includes('held-for-long'),
      );
    await stack.poll('the held slice to be sent anew', sentAnew);
  });

  it('has refused nothing', () => {
    expect(calls.length).toBeGreaterThan(100);
    expect(calls.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  });

  it('has used every action on every resource that is granted', () => {
    const uses = used();
    const grants = granted();
    expect(grants.length).toBeGreaterThan(30);
    expect(grants.filter((grant) => !uses.some((use) => covers(grant, use))).map(named)).toEqual([]);
  });

  it('has used nothing that is not granted', () => {
    const grants = granted();
    const uses = used().filter(({ role }) => role !== '');
    expect(uses.filter((use) => !grants.some((grant) => covers(grant, use))).map(named)).toEqual([]);
  });

  it('knows every caller: what has no role is the operator, who is not of the stack', () => {
    const others = calls.filter(({ caller }) => caller.roleArn === undefined).map(({ caller }) => caller.kind);
    expect(new Set(others)).toEqual(new Set(['operator']));
  });
});
