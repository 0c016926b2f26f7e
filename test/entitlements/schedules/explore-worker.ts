import { parentPort } from 'node:worker_threads';
import { explore } from './explore.ts';

/** A thread that explores: each message asks for a number of schedules of a seed, and is answered by what they showed. */
parentPort?.on('message', ({ schedules, seed }: { schedules: number; seed: number }) => {
  void explore(schedules, seed).then((exploration) => parentPort?.postMessage(exploration));
});
