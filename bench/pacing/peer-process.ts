/** Runs one client in a process of its own, driven by messages: a job, then `go`. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PeerJob, PeerMessage } from './peer-messages.ts';
import { PEERS } from './peers/peers.ts';
import { redirectHosts } from './redirect-hosts.ts';
import { packsOf } from './scenarios.ts';

const PROGRESS_MS = 500;

const [job] = (await once(process, 'message')) as [PeerJob];
redirectHosts(job.hosts);
const peer = PEERS.find(({ name }) => name === job.peer)!;
const send = await peer.connect(job);

const missing = new Set(job.items);
const errors: Record<string, number> = {};
const times: { startedAt?: number; lastAnswerAt?: number } = {};

function tell(kind: PeerMessage['kind']): Promise<void> {
  const answered = job.items.length - missing.size;
  const message: PeerMessage = { kind, answered, errors, ...times };
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

/** The loop that a user would write around it: pack by pack, some side by side, and no pack twice. */
async function work(): Promise<void> {
  const packs = packsOf(job.items);
  const lane = async (): Promise<void> => {
    for (let pack = packs.shift(); pack !== undefined; pack = packs.shift()) {
      try {
        const before = missing.size;
        for (const item of await send(pack)) missing.delete(item);
        if (missing.size < before) times.lastAnswerAt = Date.now();
      } catch (error) {
        const text = nameOf(error);
        errors[text] = (errors[text] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: peer.lanes(job) }, lane));
}

/** What went wrong, without what differs from one time to the next. */
function nameOf(error: unknown): string {
  const { code, message = String(error) } = error as { code?: unknown; message?: string };
  return [...new Set([code, message.split('\n')[0]])].filter((part) => part !== undefined && part !== '').join(': ');
}

// A client that leaves a rejection to nobody would end its user's process; that is told, and the rest goes on.
process.on('unhandledRejection', (reason) => {
  const text = `unhandled: ${nameOf(reason)}`;
  errors[text] = (errors[text] ?? 0) + 1;
});
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());

await tell('ready');
await once(process, 'message');
times.startedAt = Date.now();
const progress = setInterval(() => void tell('progress'), PROGRESS_MS);
await Promise.race([work(), sleep(job.limitMs, undefined, { ref: false })]);
clearInterval(progress);
await tell('done');
process.disconnect();
