import { expect, test } from 'vitest';
import { parseSchedule } from '../../local/cloud/schedule-expression.ts';
import type { BusEvent } from '../../local/cloud/cloud.ts';
import { cloudOf, collector, reportingFunction, type AssemblyParts } from './hand-written-assembly.ts';

function parts(schedule: object, target: object = {}): AssemblyParts {
  return {
    resources: {
      Group: { Type: 'AWS::Scheduler::ScheduleGroup', Properties: { Name: 'plans' } },
      Schedule: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          FlexibleTimeWindow: { Mode: 'OFF' },
          GroupName: { Ref: 'Group' },
          Target: { Arn: { 'Fn::GetAtt': ['Plan', 'Arn'] }, RoleArn: 'r', ...target },
          ...schedule,
        },
      },
    },
    functions: { Plan: { code: reportingFunction() } },
  };
}

async function firstEvent(assembly: AssemblyParts): Promise<unknown> {
  const seen = collector<BusEvent>();
  const cloud = await cloudOf(assembly, { onEvent: (event) => seen.add(event) });
  await cloud.start();
  const [event] = await seen.until(1);
  return event!.detail['event'];
}

test('a rate fires at once when the schedules start', async () => {
  expect(await firstEvent(parts({ ScheduleExpression: 'rate(1 minute)' }, { Input: '{"plan":true}' }))).toEqual({
    plan: true,
  });
});

test('nothing fires before the cloud is started, nor a disabled schedule after it', async () => {
  const seen = collector<BusEvent>();
  const assembly = parts({ ScheduleExpression: 'rate(1 minute)', State: 'DISABLED' });
  const cloud = await cloudOf(assembly, { onEvent: (event) => seen.add(event) });
  await cloud.start();
  await cloud.invoke('Plan', {});
  expect(seen.items).toHaveLength(1);
});

test("a schedule without input sends Scheduler's own event; context attributes are filled in", async () => {
  expect(await firstEvent(parts({ ScheduleExpression: 'rate(1 hour)', Name: 'hourly' }))).toEqual({
    version: '0',
    id: expect.any(String),
    'detail-type': 'Scheduled Event',
    source: 'aws.scheduler',
    account: '000000000000',
    time: expect.stringMatching(/Z$/),
    region: 'us-east-1',
    resources: ['arn:aws:scheduler:us-east-1:000000000000:schedule/plans/hourly'],
    detail: '{}',
  });
  const filled = await firstEvent(
    parts(
      { ScheduleExpression: 'rate(1 hour)' },
      { Input: '{"at":"<aws.scheduler.scheduled-time>","id":"<aws.scheduler.execution-id>"}' },
    ),
  );
  expect(filled).toEqual({ at: expect.stringMatching(/^\d{4}-.*Z$/), id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
});

test('at() fires once, at its time', async () => {
  const time = new Date(Date.now() + 1500).toISOString().slice(0, 19);
  expect(await firstEvent(parts({ ScheduleExpression: `at(${time})` }, { Input: '{"once":1}' }))).toEqual({ once: 1 });
});

test('cron expressions are read as AWS reads them, in UTC', () => {
  const next = (expression: string, after: string) => {
    const schedule = parseSchedule(expression);
    return schedule.kind === 'cron' ? schedule.next(new Date(after))?.toISOString() : undefined;
  };
  expect(next('cron(0 10 * * ? *)', '2026-01-01T10:00:00Z')).toBe('2026-01-02T10:00:00.000Z');
  expect(next('cron(0/15 * ? * MON-FRI *)', '2026-01-02T23:50:00Z')).toBe('2026-01-05T00:00:00.000Z');
  expect(next('cron(0 0 L * ? *)', '2026-02-10T00:00:00Z')).toBe('2026-02-28T00:00:00.000Z');
});

test.each(['rate(0 minutes)', 'rate(5 seconds)', 'cron(* * * * *)', 'at(tomorrow)', 'every minute'])(
  '%s is refused',
  (expression) => {
    expect(() => parseSchedule(expression)).toThrow(expression);
  },
);
