import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../config/settings.ts';
import { inboundQueueWidget } from './inbound-queue-widget.ts';
import type { NotificationDoor } from './notification-door.ts';
import { relayMetric } from './relay-metric.ts';

const PERIOD = Duration.minutes(1);

/** The dashboard's view of a door: what comes, what it is good for, and what waits. */
export function notificationDoorWidgets(door: NotificationDoor, settings: Settings): IWidget[] {
  const { room, taker } = door;
  const title = `Notifications (${room})`;
  const metrics = (['NotificationsTaken', 'WatchesHurried', 'NotificationsRefused'] as const).map((name) =>
    relayMetric(room, settings.stage, name, { period: PERIOD }),
  );
  return [
    new GraphWidget({ title, left: metrics }),
    inboundQueueWidget(title, door, { name: 'TakeNotifications', function: taker.function }),
  ];
}
