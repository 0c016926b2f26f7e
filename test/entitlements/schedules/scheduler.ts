/** Who works: one invocation of a function, in an environment whose clock goes wrong by a little. */
export class Worker {
  readonly name: string;
  readonly startedAt: number;
  /** Milliseconds that its clock is ahead. */
  readonly skew: number;
  state: 'working' | 'ended' | 'dead' = 'working';

  constructor(name: string, startedAt: number, skew: number) {
    this.name = name;
    this.startedAt = startedAt;
    this.skew = skew;
  }
}

/**
 * What becomes of an effect: it is had and answered; it fails before it is had; it is had and the answer is lost; the
 * answer is lost, and the effect is had at some later time; the answer is lost and the client repeats the call by itself.
 */
export type Fate = 'had' | 'failed' | 'lost' | 'late' | 'twice';
export type Unanswered = Exclude<Fate, 'had' | 'twice'>;

export interface Effect<Result> {
  /** What is told of it. */
  readonly what: string;
  /** Has the effect, in the moment in which it is called. */
  readonly have: () => Result | Promise<Result>;
  /** What the worker gets where there is no answer: a result, or something thrown. */
  readonly unanswered: (fate: Unanswered) => Result;
}

interface Waiting {
  readonly worker: Worker;
  readonly what: string;
  readonly have: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly unanswered: (fate: Unanswered) => unknown;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs workers one effect at a time: each waits with its next effect until it is let go on. Nothing else happens between
 * two effects, so that an order of effects is all that a run is made of.
 */
export class Scheduler {
  /** True time, epoch milliseconds. */
  now = Date.parse('2026-01-01T00:00:00Z');
  /** While it is calm, nobody waits: every effect is had at once. */
  isCalm = false;
  readonly waiting: Waiting[] = [];
  /** Effects that are still under way, though nobody waits for them. */
  readonly packets: { readonly what: string; readonly have: () => Promise<unknown> }[] = [];
  readonly working: Worker[] = [];
  /** Told line by line what happens. */
  readonly trace: ((line: string) => void) | undefined;

  constructor(trace?: (line: string) => void) {
    this.trace = trace;
  }

  /** Begins an invocation. What it does ends with it, or never. */
  start(worker: Worker, work: () => Promise<void>): Promise<void> {
    this.working.push(worker);
    return work().then(() => {
      worker.state = 'ended';
      this.trace?.(`${worker.name} has ended`);
      this.#leave(worker);
    });
  }

  /** An effect of a worker. Whoever is dead never comes back from it. */
  effect<Result>(worker: Worker, { what, have, unanswered }: Effect<Result>): Promise<Result> {
    if (worker.state === 'dead') return new Promise<never>(() => undefined);
    const act = async (): Promise<Result> => have();
    if (this.isCalm) return act();
    return new Promise<Result>((resolve, reject) => {
      this.waiting.push({ worker, what, have: act, unanswered, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** A worker sleeps: it goes on at its time, or when it is let go on, whatever comes first. */
  sleep(worker: Worker, until: number): Promise<void> {
    return this.effect(worker, {
      what: 'sleeps',
      have: () => void (this.now = Math.max(this.now, until - worker.skew)),
      unanswered: () => undefined,
    });
  }

  /** Lets one of those go on that wait. */
  release(index: number, fate: Fate): void {
    const [waiting] = this.waiting.splice(index, 1);
    if (!waiting) return;
    const { worker, what, have, unanswered, resolve, reject } = waiting;
    this.trace?.(`${worker.name}: ${what}${fate === 'had' ? '' : `, ${fate}`}`);
    if (fate === 'had') return void have().then(resolve, reject);
    if (fate === 'twice') {
      have().catch(() => undefined);
      return void have().then(resolve, reject);
    }
    if (fate === 'lost') have().catch(() => undefined);
    if (fate === 'late') this.packets.push({ what: `${worker.name}: ${what}`, have });
    try {
      resolve(unanswered(fate));
    } catch (error) {
      reject(error);
    }
  }

  /** Ends a worker between two effects. @param isUnderWay whether its requests are still on their way */
  kill(worker: Worker, isUnderWay: boolean): void {
    this.trace?.(`${worker.name} dies`);
    worker.state = 'dead';
    this.#leave(worker);
    for (let index = this.waiting.length - 1; index >= 0; index -= 1) {
      const waiting = this.waiting[index]!;
      if (waiting.worker !== worker) continue;
      this.waiting.splice(index, 1);
      if (isUnderWay) this.packets.push({ what: `${worker.name}: ${waiting.what}`, have: waiting.have });
    }
  }

  /** What was under way arrives. */
  deliver(index: number): void {
    const [packet] = this.packets.splice(index, 1);
    if (!packet) return;
    this.trace?.(`late, ${packet.what}`);
    packet.have().catch(() => undefined);
  }

  /** Resolves when everybody waits for an effect, has ended or is dead: all else is done in microtasks. */
  settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  #leave(worker: Worker): void {
    const index = this.working.indexOf(worker);
    if (index >= 0) this.working.splice(index, 1);
  }
}
