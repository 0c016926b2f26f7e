import { expect, it } from 'vitest';
import { watchActivity } from './activity.ts';
import type { Fact } from './facts.ts';
import type { StackAddress } from './stack-messages.ts';

const address: StackAddress = {
  endpoints: { dynamodb: '', sqs: '' },
  region: '',
  credentials: { accessKeyId: '', secretAccessKey: '' },
  outputs: {},
  resources: [{ logicalId: 'W1', physicalId: 'w', constructPath: 'Stack/Checks/Worker/Function/Resource' }],
};

function life() {
  const listeners = new Set<(fact: Fact) => void>();
  const activity = watchActivity({
    address,
    onFact: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  });
  const happens = (fact: Fact): void => listeners.forEach((listener) => listener(fact));
  return { activity, listeners, happens };
}

const began: Fact = { kind: 'began', at: 0, functionId: 'W1' };
const ended: Fact = {
  kind: 'ended',
  at: 1,
  functionId: 'W1',
  startedAt: 0,
  durationMs: 1,
  outcome: 'success',
  event: {},
};
const call: Fact = { kind: 'call', at: 0, functionId: 'W1', service: 'dynamodb', operation: 'UpdateItem' };

it('a life is watched from its beginning to its end, so that what began long ago is still seen', () => {
  const { activity, listeners, happens } = life();
  expect([activity.inFlight(), activity.describe()]).toEqual([0, 'nothing in flight']);
  happens(began);
  happens(began);
  happens(call);
  expect(activity.describe()).toBe('in flight: 2 × Worker; last call: UpdateItem of Worker');
  happens(ended);
  expect(activity.inFlight()).toBe(1);
  happens(ended);
  expect(activity.describe()).toBe('nothing in flight; last call: UpdateItem of Worker');
  activity.end();
  expect(listeners.size).toBe(0);
});
