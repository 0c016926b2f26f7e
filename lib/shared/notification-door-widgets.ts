import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../config/settings.ts';
import type { NotificationDoor } from './notification-door.ts';
import { relayMetric } from './relay-metric.ts';

const PERIOD = Duration.minutes(1);

/** The dashboard's view of a door: what comes, what it is good for, and what waits. */
export function notificationDoorWidgets(
  { room, queue, deadLetters, taker }: NotificationDoor,
  settings: Settings,
): IWidget[] {
  const metrics = (['NotificationsTaken', 'WatchesHurried', 'NotificationsRefused'] as const).map((name) =>
    relayMetric(room, settings.stage, name, { period: PERIOD }),
  );
  const newest = { statistic: Stats.MAXIMUM, period: PERIOD };
  return [
    new GraphWidget({ title: `Notifications (${room})`, left: metrics }),
    new GraphWidget({
      title: `Notifications (${room}): queue`,
      left: [
        queue.metricApproximateNumberOfMessagesVisible({ ...newest, label: 'Waiting' }),
        deadLetters.metricApproximateNumberOfMessagesVisible({ ...newest, label: 'Dead letters' }),
        taker.function.metricErrors({ period: PERIOD, label: 'TakeNotifications errors' }),
      ],
      right: [queue.metricApproximateAgeOfOldestMessage(newest)],
    }),
  ];
}
