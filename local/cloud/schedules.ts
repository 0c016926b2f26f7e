import { randomUUID } from 'node:crypto';
import { delay } from './delay.ts';
import { ruleAsCaller } from './event-bus.ts';
import { targetInput } from './input-transformer.ts';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import type { CloudModel, RuleDefinition, ScheduleDefinition } from './model.ts';
import { parseSchedule } from './schedule-expression.ts';
import type { TargetDelivery } from './target-delivery.ts';

/** Runs EventBridge Scheduler's schedules and the scheduled rules of the default bus until the signal is aborted. */
export async function runSchedules(model: CloudModel, delivery: TargetDelivery, signal: AbortSignal): Promise<void> {
  await Promise.all([
    ...model.schedules
      .filter((schedule) => schedule.enabled)
      .map((schedule) => runSchedule(schedule, delivery, signal)),
    ...model.rules
      .filter((rule) => rule.enabled && rule.scheduleExpression !== undefined)
      .map((rule) => runRule(rule, delivery, signal)),
  ]);
}

async function runSchedule(schedule: ScheduleDefinition, delivery: TargetDelivery, signal: AbortSignal): Promise<void> {
  for (const moment of occurrences(schedule.expression, 'at once', schedule.startDate)) {
    if (schedule.endDate && moment > schedule.endDate) return;
    await delay(moment.getTime() - Date.now(), signal);
    if (signal.aborted) return;
    const { target } = schedule;
    delivery.deliver({
      ...target,
      targetArn: target.arn,
      sourceArn: schedule.arn,
      caller: { kind: 'schedule', logicalId: schedule.logicalId, roleArn: target.roleArn },
      payload:
        target.input === undefined ? defaultInput(schedule, moment) : fillContext(target.input, schedule, moment),
    });
  }
}

async function runRule(rule: RuleDefinition, delivery: TargetDelivery, signal: AbortSignal): Promise<void> {
  for (const moment of occurrences(rule.scheduleExpression!, 'after an interval')) {
    await delay(moment.getTime() - Date.now(), signal);
    if (signal.aborted) return;
    const event = { ...scheduledEvent('aws.events', rule.arn, moment), detail: {} };
    for (const target of rule.targets) {
      delivery.deliver({
        ...target,
        targetArn: target.arn,
        sourceArn: rule.arn,
        caller: ruleAsCaller(rule, target),
        payload: targetInput(target, event, rule),
      });
    }
  }
}

/** The moments to come. A rate without a start date fires when the schedule is made; a rule's, one interval later. */
function* occurrences(
  expression: string,
  firstOfRate: 'at once' | 'after an interval',
  startDate?: Date,
): Generator<Date> {
  const schedule = parseSchedule(expression);
  const now = Date.now();
  if (schedule.kind === 'at') {
    if (schedule.time.getTime() >= now - 60_000) yield schedule.time;
    return;
  }
  if (schedule.kind === 'rate') {
    let next = startDate ? startDate.getTime() : firstOfRate === 'at once' ? now : now + schedule.everyMs;
    for (;;) {
      // A machine that slept, or a start date in the past, is not made up for.
      if (next < Date.now() - schedule.everyMs)
        next += Math.ceil((Date.now() - next) / schedule.everyMs) * schedule.everyMs;
      yield new Date(next);
      next += schedule.everyMs;
    }
  }
  let previous = new Date(Math.max(now, startDate?.getTime() ?? 0));
  for (;;) {
    const next = schedule.next(new Date(Math.max(previous.getTime(), Date.now() - 1000)));
    if (!next) return;
    yield next;
    previous = next;
  }
}

function scheduledEvent(source: string, arn: string, moment: Date) {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source,
    account: ACCOUNT_ID,
    time: moment.toISOString().replace(/\.\d{3}Z$/, 'Z'),
    region: REGION,
    resources: [arn],
  };
}

function defaultInput(schedule: ScheduleDefinition, moment: Date): string {
  return JSON.stringify({ ...scheduledEvent('aws.scheduler', schedule.arn, moment), detail: '{}' });
}

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html */
function fillContext(input: string, schedule: ScheduleDefinition, moment: Date): string {
  const filled = input
    .replaceAll('<aws.scheduler.schedule-arn>', schedule.arn)
    .replaceAll('<aws.scheduler.scheduled-time>', moment.toISOString().replace(/\.\d{3}Z$/, 'Z'))
    .replaceAll('<aws.scheduler.execution-id>', randomUUID())
    .replaceAll('<aws.scheduler.attempt-number>', '1');
  return filled;
}
