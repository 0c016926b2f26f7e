import type { JudgedCall } from '../access-control.ts';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import type { MethodDefinition, RestApiDefinition, StageDefinition } from './definition.ts';

/**
 * A method's call of its function, as the function's own policy judges it. The method's ARN has stars in place of
 * parameters.
 */
export function functionCall(
  api: RestApiDefinition,
  stage: StageDefinition,
  method: MethodDefinition,
  functionArn: string,
): Omit<JudgedCall, 'input'> {
  const path = method.resource.path.replace(/\{[^}]+\}/g, '*');
  const sourceArn = `arn:aws:execute-api:${REGION}:${ACCOUNT_ID}:${api.id}/${stage.name}/${method.httpMethod}${path}`;
  return {
    caller: { kind: 'REST API', logicalId: method.logicalId, sourceArn },
    service: 'lambda',
    operation: 'Invoke',
    permissions: [{ action: 'lambda:InvokeFunction', resource: functionArn }],
  };
}
