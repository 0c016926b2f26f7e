import type { AccessControl } from './access-control.ts';
import type { AwsClient } from './aws-call.ts';
import type { Caller, NeededPermission } from './service-call.ts';

/** A client whose every call is judged first, for services that work in somebody's name without coming through the door. */
export function judgedClient(
  client: AwsClient,
  access: AccessControl,
  caller: Caller,
  needs: (operation: string) => NeededPermission[],
): AwsClient {
  return {
    url: client.url,
    async call(operation, input, signal) {
      const permissions = needs(operation);
      const service = permissions[0]?.action.split(':')[0] ?? '';
      access.judge({ caller, service, operation, input: input as Record<string, unknown>, permissions });
      return client.call(operation, input, signal);
    },
    close: () => client.close(),
  };
}
