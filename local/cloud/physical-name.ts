import { createHash } from 'node:crypto';

/**
 * The name of a resource whose template gives it none. Like CloudFormation's it holds the stack's name, the logical id and
 * an unguessable-looking end; unlike it, the end is derived, so that a restart finds the same tables and queues again.
 */
export function physicalName(stackName: string, logicalId: string, maxLength: number, suffix = ''): string {
  const end = BigInt(`0x${createHash('sha256').update(`${stackName}/${logicalId}`).digest('hex').slice(0, 16)}`)
    .toString(36)
    .toUpperCase()
    .padStart(12, '0')
    .slice(0, 12);
  const room = maxLength - end.length - suffix.length - 2;
  const stack = stackName.slice(0, Math.max(8, room - logicalId.length));
  return `${stack}-${logicalId.slice(0, room - stack.length)}-${end}${suffix}`;
}
