// Runs a cloud, or its SQS engine alone, in a process that a test can kill. Started by child-process.ts.
import { DatabaseSync, StatementSync, type StatementResultingChanges } from 'node:sqlite';
import { createCloud } from '../../local/cloud/cloud.ts';
import { startSqs } from '../../local/cloud/sqs-engine.ts';
import type { ChildOptions, FromChild, ToChild } from './child-process.ts';

const options = JSON.parse(process.argv[2]!) as ChildOptions;
const tell = (message: FromChild) => process.send!(message);

process.on('message', ({ dieAtWrite }: ToChild) => {
  countWrites(dieAtWrite);
  tell({ kind: 'armed' });
});

if (options.assembly === undefined) {
  const engine = await startSqs(options.dataDir, undefined);
  tell({ kind: 'ready', sqs: engine.url });
} else {
  const cloud = await createCloud({
    assembly: options.assembly,
    enforcement: 'off',
    dataDir: options.dataDir,
    retryWaitScale: options.retryWaitScale,
    onEvent: (event) => tell({ kind: 'event', event }),
  });
  if (options.start) await cloud.start();
  tell({ kind: 'ready', sqs: cloud.endpoints.sqs, endpoints: cloud.endpoints, outputs: cloud.outputs });
}

/** Kills this process in the moment before it writes to a database for the given time from now, or never where it does not. */
function countWrites(fatal: number): void {
  let written = 0;
  const count = () => {
    written++;
    if (written === fatal) process.kill(process.pid, 'SIGKILL');
  };
  const run = StatementSync.prototype.run as (...parameters: unknown[]) => StatementResultingChanges;
  StatementSync.prototype.run = function (this: StatementSync, ...parameters: unknown[]) {
    count();
    return run.apply(this, parameters);
  };
  const { exec } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function (sql) {
    count();
    exec.call(this, sql);
  };
}
