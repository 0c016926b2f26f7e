import { ControlError, type ControlRoute } from './control-server.ts';
import type { FaultRules } from './fault-rules.ts';
import type { RequestLog } from './request-log.ts';

/** The control operations that every simulated API has: faults, and what has been requested. */
export function sharedControl(faults: FaultRules, requests: RequestLog, log: (line: string) => void): ControlRoute[] {
  return [
    {
      method: 'POST',
      path: '/control/faults',
      handle: ({ body }) => {
        const id = faults.add(body ?? {});
        log(`Added ${id}.`);
        return { status: 201, body: { id } };
      },
    },
    { method: 'GET', path: '/control/faults', handle: () => ({ body: { faults: faults.list() } }) },
    { method: 'DELETE', path: '/control/faults', handle: () => ({ body: { removed: faults.clear() } }) },
    {
      method: 'DELETE',
      path: '/control/faults/:id',
      handle: ({ params }) => {
        const id = params['id'] ?? '';
        if (!faults.remove(id)) throw new ControlError(404, `There is no fault "${id}"; a spent one is gone.`);
        log(`Removed ${id}.`);
        return {};
      },
    },
    {
      method: 'GET',
      path: '/control/requests',
      handle: ({ query }) => {
        const after = Number(query.get('after') ?? 0);
        if (!Number.isInteger(after) || after < 0) throw new ControlError(400, '`after` must be an arrival number.');
        return { body: requests.report(after) };
      },
    },
  ];
}
