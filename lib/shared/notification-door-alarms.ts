import { Duration } from 'aws-cdk-lib';
import { type Alarm, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import type { NotificationDoor } from './notification-door.ts';
import { OperatorAlarm, type OperatorAlarmProps } from './operator-alarm.ts';

export interface NotificationDoorAlarmsProps {
  readonly door: NotificationDoor;
  readonly settings: Settings;
}

/** Alarms for notifications that change nothing. Polling goes on without them; changes are only seen later. */
export class NotificationDoorAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, { door, settings }: NotificationDoorAlarmsProps) {
    super(scope, id);
    const { room, queue, deadLetters } = door;
    const define = (name: string, props: Omit<OperatorAlarmProps, 'settings'>) =>
      new OperatorAlarm(this, name, { ...props, settings }).alarm;
    const newest = { statistic: Stats.MAXIMUM, period: Duration.minutes(1) };

    this.alarms = [
      define('DeadLetters', {
        metric: deadLetters.metricApproximateNumberOfMessagesVisible(newest),
        threshold: 0,
        impact: `notifications of ${room} could not be understood or taken; what they tell of is seen in the next lap.`,
        firstStep:
          "read the attribute reason of the messages in the door's dead-letter queue; one without came here after five failed tries, whose errors are in the log of TakeNotifications.",
      }),
      define('Waiting', {
        metric: queue.metricApproximateAgeOfOldestMessage(newest),
        threshold: 600,
        periods: 3,
        impact: `notifications of ${room} wait for more than ten minutes; what they tell of is seen in the next lap.`,
        firstStep: 'read the latest warning in the log of TakeNotifications, and see whether it is throttled.',
      }),
    ];
  }
}
