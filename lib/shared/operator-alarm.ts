import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';

export interface OperatorAlarmProps {
  readonly metric: IMetric;
  /** The alarm rises when the metric is above this value, or below it where `whenBelow` is set. */
  readonly threshold: number;
  /**
   * The alarm rises when the metric is below the threshold, and when there is no data at all.
   *
   * @default false
   */
  readonly whenBelow?: boolean;
  /**
   * Periods in a row that have to be beyond the threshold.
   *
   * @default 1
   */
  readonly periods?: number;
  /** What is lost or late while the alarm lasts. */
  readonly impact: string;
  /** What the operator does first. */
  readonly firstStep: string;
  readonly settings: Settings;
}

/** An alarm that says what is at stake and what to do first. */
export class OperatorAlarm extends Construct {
  readonly alarm: Alarm;

  constructor(scope: Construct, id: string, props: OperatorAlarmProps) {
    super(scope, id);
    const whenBelow = props.whenBelow ?? false;

    this.alarm = new Alarm(this, 'Alarm', {
      alarmDescription: `Stage ${props.settings.stage}. Impact: ${props.impact} First: ${props.firstStep}`,
      metric: props.metric,
      threshold: props.threshold,
      evaluationPeriods: props.periods ?? 1,
      comparisonOperator: whenBelow
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: whenBelow ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });

    const { notificationTopicArn } = props.settings.alarms;
    if (notificationTopicArn !== undefined) {
      const action = new SnsAction(Topic.fromTopicArn(this, 'Topic', notificationTopicArn));
      this.alarm.addAlarmAction(action);
      this.alarm.addOkAction(action);
    }
  }
}
