import { offerStatusSecretName } from '../lambdas/shared/settings.ts';
import type { Issue } from './problems.ts';
import { minutesBetweenRuns } from './schedules.ts';
import type { Settings } from './settings.ts';

/** A worker has 60 s; what is left of it belongs to reading the secret, to the tables and to the report. */
const REQUEST_BUDGET_MS = 50_000;

/** Rules that hold between fields; each field by itself is valid when they are looked at. */
export function checkAcrossFields(settings: Settings): Issue[] {
  return [
    ...duplicateSubscribers(settings),
    ...duplicateLicensors(settings),
    ...secrets(settings),
    ...concurrency(settings),
    ...retries(settings),
    ...planning(settings),
  ];
}

function duplicateSubscribers({ bus }: Settings): Issue[] {
  return bus.subscriberAccounts.flatMap((account, index, all) =>
    all.indexOf(account) === index
      ? []
      : [{ path: ['bus', 'subscriberAccounts', index], message: 'expected each account once' }],
  );
}

/** A licensor of two accounts would be polled out of two token buckets, and its events would come twice. */
function duplicateLicensors({ runtime }: Settings): Issue[] {
  const owners = new Map<string, string>();
  const issues: Issue[] = [];
  for (const [account, { licensors }] of Object.entries(runtime.offerStatus.accounts)) {
    for (const [index, licensor] of licensors.entries()) {
      const owner = owners.get(licensor);
      owners.set(licensor, owner ?? account);
      if (owner === undefined) continue;
      issues.push({
        path: ['offerStatus', 'accounts', account, 'licensors', index],
        message:
          owner === account
            ? 'expected each licensor once'
            : `expected a licensor of one account only, and offerStatus.accounts.${owner} has it as well`,
      });
    }
  }
  return issues;
}

/** One secret is one certificate, and one certificate is one token bucket. A `*` or `?` would widen an IAM statement. */
function secrets({ stage, runtime }: Settings): Issue[] {
  const owners = new Map<string, string>();
  const issues: Issue[] = [];
  for (const [account, values] of Object.entries(runtime.offerStatus.accounts)) {
    const path = ['offerStatus', 'accounts', account, 'secret'];
    const name = offerStatusSecretName(stage, account, values);
    if (!/^[A-Za-z0-9/_+=.@-]+$/.test(name)) {
      issues.push({ path, message: 'expected the name of a secret: letters, digits and /_+=.@- only' });
    }
    const owner = owners.get(name);
    if (owner !== undefined) {
      issues.push({ path, message: `expected a secret of one account only; "${name}" is that of ${owner} as well` });
    }
    owners.set(name, account);
  }
  return issues;
}

function concurrency({ workers, runtime }: Settings): Issue[] {
  const buckets = Object.keys(runtime.offerStatus.accounts).length;
  if (buckets <= workers.maximumConcurrency) return [];
  return [
    {
      path: ['workers', 'maximumConcurrency'],
      message: `expected at least ${buckets}, one for each account, or buckets would wait for one another`,
    },
  ];
}

function retries({ runtime }: Settings): Issue[] {
  const { retry, timeoutMs } = runtime.offerStatus;
  const path = ['offerStatus', 'retry'];
  if (retry.baseMs > retry.capMs) {
    return [{ path: [...path, 'baseMs'], message: `expected at most capMs, which is ${retry.capMs}` }];
  }
  const longest = retry.attempts * timeoutMs + (retry.attempts - 1) * retry.capMs;
  if (longest <= REQUEST_BUDGET_MS) return [];
  return [
    {
      path,
      message: `expected all tries of one request to end within ${REQUEST_BUDGET_MS} ms; attempts × timeoutMs + (attempts - 1) × capMs is ${longest}`,
    },
  ];
}

function planning({ schedules, runtime }: Settings): Issue[] {
  const seconds = minutesBetweenRuns(schedules.plan) * 60;
  if (seconds < runtime.polling.backlogSeconds) return [];
  return [
    {
      path: ['polling', 'backlogSeconds'],
      message: `expected more than the ${seconds} s between two plans (schedules.plan), or buckets would run dry`,
    },
  ];
}
