import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { awsClient, type AwsClient } from '../../local/cloud/aws-call.ts';
import type { BusEvent, Cloud } from '../../local/cloud/cloud.ts';
import { collector } from './hand-written-assembly.ts';

export interface ChildOptions {
  dataDir: string;
  /** A cloud of this assembly; without one, the SQS engine alone. */
  assembly?: string;
  start?: boolean;
  retryWaitScale?: number;
}
export interface ToChild {
  dieAtWrite: number;
}
type Ready = { kind: 'ready'; sqs: string; endpoints?: Cloud['endpoints']; outputs?: Cloud['outputs'] };
export type FromChild = Ready | { kind: 'armed' } | { kind: 'event'; event: BusEvent };

export interface Child {
  readonly ready: Ready;
  readonly sqs: AwsClient;
  /** What the cloud's buses have accepted. */
  readonly events: ReturnType<typeof collector<BusEvent>>;
  /** Lets the process kill itself in the moment before its n-th write to a database from now. */
  dieAtWrite(n: number): Promise<void>;
  /** Kills the process with SIGKILL and waits for its end. */
  kill(): Promise<void>;
}

/** Starts a cloud or an SQS engine in a process of its own. It is killed, at the latest, when the test ends. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const program = fork(join(import.meta.dirname, 'child-program.ts'), [JSON.stringify(options)], { execArgv: [] });
  const exited = once(program, 'exit');
  const kill = async () => {
    program.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  const events = collector<BusEvent>();
  const messages = { ready: Promise.withResolvers<Ready>(), armed: Promise.withResolvers<true>() };
  program.on('message', (message: FromChild) => {
    if (message.kind === 'event') events.add(message.event);
    else if (message.kind === 'ready') messages.ready.resolve(message);
    else messages.armed.resolve(true);
  });
  void exited.then(() => messages.ready.reject(new Error('The child has ended before it was ready')));
  const ready = await messages.ready.promise;
  const sqs = awsClient(ready.sqs, 'AmazonSQS');
  onTestFinished(() => sqs.close());
  return {
    ready,
    sqs,
    events,
    async dieAtWrite(n) {
      program.send({ dieAtWrite: n } satisfies ToChild);
      await messages.armed.promise;
    },
    kill,
  };
}
