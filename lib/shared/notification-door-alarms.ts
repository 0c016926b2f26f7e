import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import type { NotificationDoor } from './notification-door.ts';
import { OperatorAlarm, type OperatorAlarmProps } from './operator-alarm.ts';
import { holdsMessages, waitsTooLong } from './queue-thresholds.ts';

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

    this.alarms = [
      define('DeadLetters', {
        ...holdsMessages(deadLetters),
        impact: `notifications of ${room} could not be understood or taken; what they tell of is seen in the next lap.`,
        firstStep:
          "read the attribute reason of the messages in the door's dead-letter queue; one without came here after five failed tries, whose errors are in the log of TakeNotifications.",
      }),
      define('Waiting', {
        ...waitsTooLong(queue),
        impact: `notifications of ${room} wait for more than ten minutes; what they tell of is seen in the next lap.`,
        firstStep: 'read the latest warning in the log of TakeNotifications, and see whether it is throttled.',
      }),
    ];
  }
}
