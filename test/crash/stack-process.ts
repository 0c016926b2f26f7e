/**
 * The process that is killed: the synthesised stack on the local cloud. It takes its orders from the process that has
 * started it and ends with it. What it sees goes to the disk before it goes anywhere else.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cloud } from '../../local/cloud/cloud.ts';
import { createCloud } from '../../local/cloud/cloud.ts';
import type { Fact } from './facts.ts';
import { factWriter } from './facts.ts';
import { watchPauses } from './pauses.ts';
import type { FromStack, StackAddress, StackOrder, ToStack } from './stack-messages.ts';

const SENDS = ['SendMessage', 'SendMessageBatch'];

let cloud: Cloud | undefined;
/** Functions that are invoked again and again: how to end that, and when it has ended. */
const ticking = new Map<string, { readonly stop: AbortController; readonly ended: Promise<void> }>();

function tell(message: FromStack): void {
  process.send?.(message);
}

async function open(order: StackOrder): Promise<StackAddress> {
  const write = factWriter(order.factsFolder, order.life);
  const note = (fact: Fact): void => {
    write(fact);
    tell({ kind: 'fact', fact: fact.kind === 'ended' ? { ...fact, event: undefined, payload: undefined } : fact });
  };
  watchPauses((pause) => note({ kind: 'pause', ...pause }));
  cloud = await createCloud({
    assembly: order.assembly,
    dataDir: order.dataDir,
    secrets: { ...order.secrets },
    onEvent: (event) => note({ kind: 'event', at: Date.now(), event: { ...event } }),
    onLog: ({ functionId, text }) => {
      if (text.startsWith('START RequestId: ')) note({ kind: 'began', at: Date.now(), functionId });
    },
    onInvocation: ({ functionId, startedAt, durationMs, outcome, event, payload, error }) =>
      note({ kind: 'ended', at: Date.now(), functionId, startedAt, durationMs, outcome, event, payload, error }),
    onCall: ({ at, caller, service, operation, input, refusal }) =>
      note({
        kind: 'call',
        at,
        ...(caller.kind === 'function' && { functionId: caller.logicalId }),
        service,
        operation,
        ...(SENDS.includes(operation) && { input }),
        ...(refusal !== undefined && { refusal }),
      }),
  });
  const { endpoints, region, credentials, outputs, resources } = cloud;
  return {
    endpoints: { dynamodb: endpoints.dynamodb, sqs: endpoints.sqs },
    region,
    credentials,
    outputs,
    resources: [...resources].map(([logicalId, { physicalId, constructPath = '' }]) => ({
      logicalId,
      physicalId,
      constructPath,
    })),
  };
}

async function tick(constructPath: string, everyMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && cloud !== undefined) {
    // How it went is a fact like any other.
    await cloud.invoke(constructPath, {});
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

async function endTicks(constructPath: string): Promise<void> {
  const running = ticking.get(constructPath);
  ticking.delete(constructPath);
  running?.stop.abort();
  await running?.ended;
}

async function obey(message: ToStack): Promise<void> {
  switch (message.kind) {
    case 'open':
      return tell({ kind: 'open', address: await open(message.order) });
    case 'start':
      await cloud?.start();
      return tell({ kind: 'started' });
    case 'tick': {
      await endTicks(message.constructPath);
      const stop = new AbortController();
      const ended = tick(message.constructPath, message.everyMs, stop.signal);
      ticking.set(message.constructPath, { stop, ended });
      return ended;
    }
    case 'endTicks':
      await endTicks(message.constructPath);
      return tell({ kind: 'ticksEnded', constructPath: message.constructPath });
    case 'stop':
      await Promise.all([...ticking.keys()].map(endTicks));
      await cloud?.stop();
      return process.disconnect();
  }
}

process.on('message', (message) => {
  obey(message as ToStack).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
// A Ctrl-C in the terminal reaches this process too; what it means is the other one's to say.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit());
