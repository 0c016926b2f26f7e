import { Duration } from 'aws-cdk-lib';
import { type Alarm, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { periodOfRuns } from './function-schedule.ts';
import { OperatorAlarm, type OperatorAlarmProps } from './operator-alarm.ts';
import type { PacedQueue } from './paced-queue.ts';
import { relayMetric } from './relay-metric.ts';

export interface PacedQueueAlarmsProps {
  readonly checks: PacedQueue;
  readonly settings: Settings;
}

/** Alarms for watches that are asked about late, or not at all. */
export class PacedQueueAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, { checks, settings }: PacedQueueAlarmsProps) {
    super(scope, id);
    const { room, noun, upstream, planner, worker, queues } = checks;
    const define = (name: string, props: Omit<OperatorAlarmProps, 'settings'>) =>
      new OperatorAlarm(this, name, { ...props, settings }).alarm;

    const { plan } = settings.schedules;
    const silence = periodOfRuns(3, plan, 15);
    this.alarms = [
      define('DeadLetters', {
        metric: queues.deadLetters.metricApproximateNumberOfMessagesVisible({
          statistic: Stats.MAXIMUM,
          period: Duration.minutes(1),
        }),
        threshold: 0,
        impact: `some ${noun}s could not be checked in all their attempts; their changes are not seen.`,
        firstStep:
          'read the reason in the messages of the dead-letter queue, mend its cause, then redrive them with the slices queue as the explicit destination (README, "Operate").',
      }),
      define('SlicesWaiting', {
        metric: queues.slices.metricApproximateAgeOfOldestMessage({
          statistic: Stats.MAXIMUM,
          period: Duration.minutes(1),
        }),
        threshold: 600,
        periods: 3,
        impact: 'planned checks wait for more than ten minutes; changes are reported late.',
        firstStep:
          'look at Throttled, Unavailable and CredentialsRefused on the dashboard, then at the log of the worker.',
      }),
      define('Stalled', {
        metric: relayMetric(room, settings.stage, 'StalledSeconds', {
          statistic: Stats.MAXIMUM,
          period: periodOfRuns(2, plan, 5),
        }),
        threshold: Duration.minutes(20).toSeconds(),
        periods: 3,
        impact: 'no checks are being made for at least one account; its changes are reported late.',
        firstStep:
          'look at CredentialsRefused and Unavailable on the dashboard, then at the errors of the worker and at the dead letters.',
      }),
      define('PlannerSilent', {
        metric: planner.function.metricInvocations({ period: silence }),
        threshold: 1,
        whenBelow: true,
        impact: `no checks of ${noun}s have been planned for ${silence.toMinutes()} minutes; once the queue is empty, nothing is checked.`,
        firstStep: 'see that the plan schedule is enabled and that its role may invoke the planner.',
      }),
      define('PlannerErrors', {
        metric: planner.function.metricErrors({ period: periodOfRuns(3, plan, 5) }),
        threshold: 1,
        impact: `planning fails; once the queue is empty, no ${noun} is checked.`,
        firstStep: 'read the latest error in the log of the planner.',
      }),
      define('WorkerErrors', {
        metric: worker.function.metricErrors({ period: Duration.minutes(5) }),
        threshold: 2,
        impact: 'workers crash or time out; each time a bucket stands still for up to 90 seconds.',
        firstStep: 'read the latest error in the log of the worker.',
      }),
      define('WorkerThrottles', {
        metric: worker.function.metricThrottles({ period: Duration.minutes(5) }),
        threshold: 10,
        periods: 3,
        impact:
          "workers are not started, because the account's Lambda concurrency is used up; changes are reported late.",
        firstStep: "look for the function that uses the account's concurrency, or ask for a higher quota.",
      }),
      define('CredentialsRefused', {
        metric: relayMetric(room, settings.stage, 'CredentialsRefused'),
        threshold: 0,
        impact: `${upstream} refuses the credentials of an account, or its secret is unusable; none of its ${noun}s is checked.`,
        firstStep: 'find the account in the log of the worker and replace its secret.',
      }),
      define('Throttled', {
        metric: relayMetric(room, settings.stage, 'Throttled', { period: Duration.minutes(15) }),
        threshold: 0,
        periods: 3,
        impact: `${upstream} keeps answering 429 although requests are paced; the rate has been lowered and changes are reported late.`,
        firstStep:
          'see whether something else uses the same credentials, then compare the rate of the settings with the granted one.',
      }),
      define('Unavailable', {
        metric: relayMetric(room, settings.stage, 'Unavailable'),
        threshold: 20,
        periods: 3,
        impact: `${upstream} is down, or keeps failing or timing out; ${noun}s are checked late.`,
        firstStep: 'read the failures in the log of the worker and ask Amazon; the checks go on by themselves.',
      }),
      define('UnreadableAnswers', {
        metric: relayMetric(room, settings.stage, 'UnreadableAnswers'),
        threshold: 0,
        impact: `${upstream} sends answers that cannot be understood; the changes in them are not reported.`,
        firstStep:
          'read the message in the dead-letter queue, which holds the answer and names the watch, and compare it with the API document.',
      }),
    ];
  }
}
