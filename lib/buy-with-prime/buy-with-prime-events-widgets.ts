import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../config/settings.ts';
import { inboundQueueWidget } from '../shared/inbound-queue-widget.ts';
import { relayMetric } from '../shared/relay-metric.ts';
import type { BuyWithPrimeEvents } from './buy-with-prime-events.ts';

const PERIOD = Duration.minutes(1);

/** The dashboard's view of Buy with Prime's own events: what came, what was lost, and what waits. */
export function buyWithPrimeEventsWidgets(amazonEvents: BuyWithPrimeEvents, { stage }: Settings): IWidget[] {
  const title = "Buy with Prime's own events";
  return [
    new GraphWidget({
      title,
      left: [
        ...(['TakenEvents', 'RefusedEvents'] as const).map((name) =>
          relayMetric('buy-with-prime', stage, name, { period: PERIOD }),
        ),
        amazonEvents.metricFailedInvocations({ period: PERIOD, label: 'Dropped by the rule' }),
      ],
    }),
    inboundQueueWidget(title, amazonEvents, { name: 'TakeEvents', function: amazonEvents.taker.function }),
  ];
}
