import { RemovalPolicy } from 'aws-cdk-lib';
import type { Settings } from '../../config/settings.ts';

/** What CloudFormation does to something that holds data when it leaves the stack. */
export function removalPolicyOf(settings: Settings): RemovalPolicy {
  return settings.removalPolicy === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
}
