import { GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  IdempotencyTable,
  type IdempotencyStore,
  type KeyedRequest,
} from '../../lambdas/shared/idempotency/idempotency.store.ts';
import {
  canonicalJson,
  DONE_KEPT_S,
  LEASE_MARGIN_MS,
  OPEN_KEPT_S,
  runOnce,
  type OnceRequest,
  type OnceWork,
  type Outcome,
} from '../../lambdas/shared/idempotency/run-once.ts';
import { keyedHash } from '../../lambdas/shared/keyed-hash.ts';
import { ApiError } from '../../lambdas/shared/partner-api/api-error.ts';
import { startEngineTables, type EngineTables } from './engine-tables.ts';
import { losingAnswers } from './losing-database.ts';
import { MemoryRequests } from './memory-requests.ts';
import { LeapingClock } from './virtual-clock.ts';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

type Reference = { readonly at: number };
type Data = { readonly made: number };
type Work = OnceWork<Reference, Data>;

const hash = keyedHash('any key');
const done = (made: number): Outcome<Data> => ({ kind: 'done', status: 201, data: { made } });
const refused = (error: unknown): Outcome<Data> => ({ kind: 'refused', error });
const unknown: Outcome<Data> = { kind: 'unknown', error: new ApiError('REDEMPTION_UNKNOWN') };
const never = (): Promise<never> => Promise.reject(new Error('must not run'));
const neverConcluded = (): never => {
  throw new Error('must not be concluded');
};

let keys = 0;
/** One key on the real engine, with a clock of its own. */
function onEngine(database = tables.database) {
  const clock = new LeapingClock();
  const store = new IdempotencyTable(database, 'Requests', clock);
  const key = `key-${++keys}`;
  const run = (work: Partial<Work>, request: Partial<OnceRequest> = {}) =>
    runOnce<Reference, Data>(
      { store, hash, clock },
      {
        partner: 'shop',
        key,
        operation: 'order',
        request: { item: 1 },
        deadline: clock.now() + 10_000,
        ...request,
      },
      { reference: { at: clock.now() }, perform: never, resolve: never, conclude: neverConcluded, ...work },
    );
  const row = async (): Promise<KeyedRequest | undefined> => {
    const requestId = `key|shop|${hash('idempotency key', ['shop', key])}`;
    const { Item } = await tables.database.send(
      new GetCommand({ TableName: 'Requests', Key: { requestId }, ConsistentRead: true }),
    );
    return Item as KeyedRequest | undefined;
  };
  return { clock, store, key, run, row };
}

/** A first try that has begun and ends when it is told to. */
async function underWay(run: ReturnType<typeof onEngine>['run']) {
  const first = Promise.withResolvers<Outcome<Data>>();
  const begun = Promise.withResolvers<undefined>();
  const running = run({
    perform: () => {
      begun.resolve(undefined);
      return first.promise;
    },
  });
  await begun.promise;
  return { running, first };
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof ApiError ? error.code : error),
  );

describe('a request under an Idempotency-Key', () => {
  it('runs once, and is answered alike from then on', async () => {
    const { run, clock } = onEngine();
    const first = await run({ perform: async () => done(7) });
    expect(first).toMatchObject({ status: 201, data: { made: 7 }, repeated: false });
    clock.leap(60_000);
    expect(await run({})).toEqual({ ...first, repeated: true });
  });

  it('keeps neither the key nor the request, and no body', async () => {
    const { run, row, key } = onEngine();
    await run({ perform: async () => done(7) }, { request: { code: 'SECRET-CODE' } });
    const kept = JSON.stringify(await row());
    expect(kept).not.toContain('SECRET-CODE');
    expect(kept).not.toContain(`${key}"`);
  });

  it('refuses the key for another request or another operation, whatever has become of the first', async () => {
    const { run } = onEngine();
    expect(await codeOf(run({ perform: async () => unknown }))).toBe('REDEMPTION_UNKNOWN');
    expect(await codeOf(run({}, { request: { item: 2 } }))).toBe('IDEMPOTENCY_KEY_REUSED');
    await run({ resolve: async () => done(1) });
    expect(await codeOf(run({}, { request: { item: 2 } }))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await codeOf(run({}, { operation: 'cancel' }))).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('takes requests for equal in whichever order their fields stand', async () => {
    const { run } = onEngine();
    await run({ perform: async () => done(7) }, { request: { a: 1, b: [{ c: 2, d: undefined, e: null }] } });
    const again = await run({}, { request: { b: [{ e: null, c: 2 }], a: 1 } });
    expect(again.repeated).toBe(true);
  });

  it('has its own keys for each partner', async () => {
    const { run } = onEngine();
    await run({ perform: async () => done(7) });
    expect((await run({ perform: async () => done(8) }, { partner: 'rival' })).data.made).toBe(8);
  });

  it('is under way until the function has ended and a margin has passed, and says for how long', async () => {
    const { run, clock } = onEngine();
    const { running, first } = await underWay(run);
    clock.leap(10_000 + LEASE_MARGIN_MS - 1);
    const error = await run({}).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'REQUEST_IN_PROGRESS', status: 409, retryAfterSeconds: 1 });
    clock.leap(1);
    expect((await run({ resolve: async () => done(2) })).data.made).toBe(2);
    // The first one wakes up too late: its word counts for nothing, and it answers as the other did.
    first.resolve(done(1));
    expect((await running).data.made).toBe(2);
    expect((await run({})).data.made).toBe(2);
  });

  it('is not taken over by an environment whose clock is five seconds fast', async () => {
    const { run, clock } = onEngine();
    const { running, first } = await underWay(run);
    clock.leap(10_000 + 5_000);
    expect(await codeOf(run({}))).toBe('REQUEST_IN_PROGRESS');
    first.resolve(done(1));
    expect((await running).data.made).toBe(1);
  });

  it.each([401, 408, 409, 429, 500, 502, 503, 504])('is free again after a refusal with %i', async (status) => {
    const { run, row } = onEngine();
    const error = Object.assign(new ApiError('INVALID_REQUEST'), { status });
    expect(await run({ perform: async () => refused(error) }).catch((reason: unknown) => reason)).toBe(error);
    expect(await row()).toBeUndefined();
    expect((await run({ perform: async () => done(2) }, { request: 'another' })).data.made).toBe(2);
  });

  it('is free again after a refusal by an upstream', async () => {
    const { run, row } = onEngine();
    await codeOf(run({ perform: async () => refused(new Error('refused')) }));
    expect(await row()).toBeUndefined();
  });

  it.each(['INVALID_REQUEST', 'BENEFIT_NOT_ALLOWED', 'NOT_FOUND'] as const)(
    'is final after a refusal with %s, which is given again',
    async (code) => {
      const { run } = onEngine();
      expect(await codeOf(run({ perform: async () => refused(new ApiError(code, 'told once')) }))).toBe(code);
      const again = await run({}).catch((reason: unknown) => reason);
      expect(again).toMatchObject({ code, message: 'told once' });
    },
  );

  it('is resolved by when what was lost may still have its effect, however often it is asked about meanwhile', async () => {
    const { clock, run } = onEngine();
    const heard: number[] = [];
    await codeOf(run({ perform: async () => unknown }));
    const ends = clock.now() + 10_000 + LEASE_MARGIN_MS;
    // The first three find out nothing and lose nothing; the fourth loses its own try.
    for (const kept of [true, true, true, false]) {
      clock.leap(1_000);
      const resolve = async (_: Reference, lostUntil: number): Promise<Outcome<Data>> => {
        heard.push(lostUntil);
        return { kind: 'unknown', error: new ApiError('ORDER_UNKNOWN'), ...(kept && { lostUntil }) };
      };
      await codeOf(run({ resolve }, { deadline: clock.now() + 10_000 }));
    }
    const resolve = async (_: Reference, lostUntil: number) => done(lostUntil);
    const last = await run({ resolve }, { deadline: clock.now() + 10_000 });
    expect(heard).toEqual([ends, ends, ends, ends]);
    expect(last.data.made).toBe(clock.now() + 10_000 + LEASE_MARGIN_MS);
  });

  it('stays unknown until it is resolved, by what the first try laid down', async () => {
    const { run, row, clock } = onEngine();
    const at = clock.now();
    expect(await codeOf(run({ perform: async () => unknown }))).toBe('REDEMPTION_UNKNOWN');
    expect((await row())?.status).toBe('UNKNOWN');
    clock.leap(1);
    for (const outcome of [unknown, refused(new Error('refused')), refused(new ApiError('TOO_MANY_INVALID_CODES'))]) {
      await codeOf(run({ resolve: async () => outcome }));
      expect((await row())?.status).toBe('UNKNOWN');
    }
    const resolved = await run({ resolve: async (reference) => done(reference.at) });
    expect(resolved).toMatchObject({ data: { made: at }, reference: { at } });
  });

  it('is unknown where its work throws, and the error goes on', async () => {
    const { run, row } = onEngine();
    const error = new Error('a slip');
    expect(await codeOf(run({ perform: () => Promise.reject(error) }))).toBe(error);
    expect((await row())?.status).toBe('UNKNOWN');
  });

  it('is one of many that come at once', async () => {
    const { run } = onEngine();
    let performed = 0;
    let refusals = 0;
    const others = Promise.withResolvers<undefined>();
    const many = Array.from({ length: 20 }, async () => {
      const told = await codeOf(
        run({
          // Ends when all the others have been told.
          perform: async () => {
            performed += 1;
            await others.promise;
            return done(1);
          },
        }),
      );
      if (told === 'REQUEST_IN_PROGRESS') refusals += 1;
      if (refusals === 19) others.resolve(undefined);
      return told;
    });
    expect((await Promise.all(many)).filter((told) => told === 'no error')).toHaveLength(1);
    expect([performed, refusals]).toEqual([1, 19]);
  });

  it('is forgotten a week after it was done, whether DynamoDB has deleted it or not', async () => {
    const { run, row, clock } = onEngine();
    await run({ perform: async () => done(1) });
    expect((await row())?.expiresAt).toBe(Math.floor(clock.now() / 1_000) + DONE_KEPT_S);
    clock.leap(DONE_KEPT_S * 1_000 - 1_000);
    expect((await run({})).repeated).toBe(true);
    clock.leap(1_000);
    expect((await run({ perform: async () => done(2) }, { request: 'another' })).data.made).toBe(2);
  });

  it('stays open for ninety days where its effect is unknown', async () => {
    const { run, row, clock } = onEngine();
    await codeOf(run({ perform: async () => unknown }));
    expect((await row())?.expiresAt).toBe(Math.floor(clock.now() / 1_000) + OPEN_KEPT_S);
  });
});

const event = (watchId: string, version: number) => ({
  Put: { TableName: 'History', Item: { watchId, version }, ConditionExpression: 'attribute_not_exists(watchId)' },
});

describe('the settlement', () => {
  it('writes what belongs to the answer in the same transaction, at the next free number', async () => {
    const { run } = onEngine();
    await tables.database.send(new PutCommand({ TableName: 'History', Item: { watchId: 'taken', version: 5 } }));
    const tried: number[] = [];
    const further = (later: number) => {
      tried.push(later);
      return [event('taken', 5 + later)];
    };
    await run({ perform: async () => ({ ...done(1), further }) as Outcome<Data> });
    expect(tried).toEqual([0, 1]);
    const { Item } = await tables.database.send(
      new GetCommand({ TableName: 'History', Key: { watchId: 'taken', version: 6 } }),
    );
    expect(Item).toBeDefined();
  });

  it('writes once what belongs to the answer where the SDK repeats a settlement whose answer was lost', async () => {
    // A claim that is repeated is not in its own way.
    const losing = await losingAnswers(tables.database, (nth) => nth === 1);
    const { run } = onEngine(losing.database);
    expect((await run({ perform: async () => done(1) })).repeated).toBe(false);
    losing.stop();

    const { store, clock } = onEngine();
    const hold = { requestId: `lost-${++keys}`, fence: 'one', until: clock.now() };
    const { requestId, fence } = hold;
    await store.claim({ requestId, fence, requestHash: 'h', lease: 0, reference: {}, expiresAt: 0 });
    const again = await losingAnswers(tables.database, (nth) => nth === 1);
    // A number of its own for each call, as the time gives it.
    let number = 0;
    const further = () => [event('settled once', ++number)];
    const settling = new IdempotencyTable(again.database, 'Requests', clock);
    expect(await settling.settle(hold, { status: 200, data: {} }, 0, further)).toBe('settled');
    again.stop();
    expect(again.sent()).toBe(2);
    const { Items = [] } = await tables.database.send(
      new QueryCommand({
        TableName: 'History',
        KeyConditionExpression: 'watchId = :id',
        ExpressionAttributeValues: { ':id': 'settled once' },
      }),
    );
    expect(Items).toHaveLength(1);
  });

  it('writes nothing for a try that no longer holds the key', async () => {
    const { run, clock } = onEngine();
    const { running, first } = await underWay(run);
    clock.leap(60_000);
    await codeOf(run({ resolve: async () => unknown }));
    first.resolve({ ...done(1), further: () => [event('fenced', 1)] } as Outcome<Data>);
    expect(await codeOf(running)).toBe('REQUEST_IN_PROGRESS');
    const { Item } = await tables.database.send(
      new GetCommand({ TableName: 'History', Key: { watchId: 'fenced', version: 1 } }),
    );
    expect(Item).toBeUndefined();
  });

  it('that fails for as long as the function runs leaves its answer with the key, and the repeat makes it final', async () => {
    let isDown = true;
    const down = Object.assign(new Error('down'), { name: 'ThrottlingException' });
    const { run, row, clock } = onEngine(
      failingWrites((name) => (isDown && name === 'TransactWriteCommand' ? down : undefined)),
    );
    const outcome = { ...done(7), further: () => [event('kept', 1)] } as Outcome<Data>;
    const from = clock.now();
    expect(await codeOf(run({ perform: async () => outcome }))).toBe(down);
    // It was repeated until a second before the function's end.
    expect(clock.now() - from).toBeGreaterThan(8_000);
    expect(clock.now() - from).toBeLessThanOrEqual(9_000);
    expect(await row()).toMatchObject({ status: 'UNKNOWN', answer: { status: 201, data: { made: 7 } } });

    isDown = false;
    const further = () => [event('kept', 1)];
    const conclude = (_: Reference, data: Data): Outcome<Data> => ({ kind: 'done', status: 201, data, further });
    expect(await run({ conclude })).toMatchObject({ status: 201, data: { made: 7 }, repeated: false });
    expect(await run({})).toMatchObject({ data: { made: 7 }, repeated: true });
    const key = { watchId: 'kept', version: 1 };
    const { Item } = await tables.database.send(new GetCommand({ TableName: 'History', Key: key }));
    expect(Item).toBeDefined();
  });

  it('of a final refusal is kept with the key alike', async () => {
    let isDown = true;
    const down = Object.assign(new Error('down'), { name: 'InternalServerError' });
    const { run } = onEngine(
      failingWrites((name) => (isDown && name === 'TransactWriteCommand' ? down : undefined), { status: 500 }),
    );
    const error = new ApiError('INVALID_REQUEST', 'told once');
    expect(await codeOf(run({ perform: async () => refused(error) }))).toBe(down);
    isDown = false;
    for (const _ of ['settled', 'repeated']) {
      expect(await run({}).catch((reason: unknown) => reason)).toMatchObject({
        code: 'INVALID_REQUEST',
        message: 'told once',
      });
    }
  });

  it('that hangs is cut off in time to note its answer', async () => {
    const hanging = {
      send: (command: { constructor: { name: string } }, options: { abortSignal?: AbortSignal } = {}) =>
        command.constructor.name === 'TransactWriteCommand'
          ? new Promise((_, reject) => options.abortSignal?.addEventListener('abort', () => reject(new Error('cut'))))
          : tables.database.send(command as never, options as never),
    } as unknown as typeof tables.database;
    const { run, row, clock } = onEngine(hanging);
    const error = await run({ perform: async () => done(7) }, { deadline: clock.now() + 1_200 }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ name: 'TimeoutError' });
    expect(await row()).toMatchObject({ status: 'UNKNOWN', answer: { data: { made: 7 } } });
  });

  it('gives up on a condition that no number meets, and its answer stays with the key', async () => {
    const { run, row } = onEngine();
    await tables.database.send(new PutCommand({ TableName: 'History', Item: { watchId: 'stuck', version: 1 } }));
    const outcome = { ...done(1), further: () => [event('stuck', 1)] } as Outcome<Data>;
    expect(await run({ perform: async () => outcome }).catch((error: unknown) => error)).toMatchObject({
      message: 'the further writes of an answer are refused',
    });
    expect(await row()).toMatchObject({ status: 'UNKNOWN', answer: { data: { made: 1 } } });
  });
});

/** The engine, where some commands fail before they reach it. */
function failingWrites(failure: (command: string) => Error | undefined, { status = 400 } = {}) {
  return {
    send: async (command: { constructor: { name: string } }, options: never) => {
      const error = failure(command.constructor.name);
      if (error) throw Object.assign(error, { $metadata: { httpStatusCode: status } });
      return tables.database.send(command as never, options);
    },
  } as unknown as typeof tables.database;
}

describe('the store', () => {
  it('takes a claim, a takeover or a settlement that it has had already for done: its answer may have been lost', async () => {
    const { store, clock } = onEngine();
    const hold = { requestId: `twice-${++keys}`, fence: 'one', until: clock.now() };
    const claim = {
      requestId: hold.requestId,
      fence: hold.fence,
      requestHash: 'h',
      lease: 0,
      reference: {},
      expiresAt: clock.now(),
    };
    expect(await store.claim(claim)).toBeUndefined();
    expect(await store.claim(claim)).toBeUndefined();
    const row = { ...claim, status: 'IN_FLIGHT' } as const;
    expect(await store.takeOver(row, { fence: 'two', lease: 5 })).toBe(true);
    expect(await store.takeOver(row, { fence: 'two', lease: 5 })).toBe(true);
    const two = { ...hold, fence: 'two' };
    expect(await store.settle(two, { status: 200, data: {} }, clock.now())).toBe('settled');
    expect(await store.settle(two, { status: 200, data: {} }, clock.now())).toBe('settled');
  });

  it('does in memory, where the property below is tried, what it does on the engine', async () => {
    const fence = fc.constantFrom('a', 'b', 'c');
    const step = fc.record({
      does: fc.constantFrom('claim', 'takeOver', 'settle', 'suspend', 'note', 'release', 'wait'),
      fence,
      seen: fc.record({ fence, status: fc.constantFrom('IN_FLIGHT' as const, 'UNKNOWN' as const) }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const clock = new LeapingClock();
        const stores: IdempotencyStore[] = [
          new MemoryRequests(clock.now),
          new IdempotencyTable(tables.database, 'Requests', clock),
        ];
        const requestId = `alike-${++keys}`;
        for (const { does, fence: by, seen } of steps) {
          const hold = { requestId, fence: by, until: clock.now() };
          const expiresAt = Math.floor(clock.now() / 1_000) + 2;
          const base = { requestId, fence: by, requestHash: 'h', lease: 7, reference: { at: 1 }, expiresAt };
          const results = [];
          for (const store of stores) {
            if (does === 'claim') results.push(await store.claim(base));
            else if (does === 'takeOver')
              results.push(await store.takeOver({ ...base, ...seen }, { fence: by, lease: 9 }));
            else if (does === 'settle')
              results.push(await store.settle(hold, { status: 200, data: { by } }, expiresAt));
            else if (does === 'note')
              results.push(await store.suspend(hold, { answer: { status: 200, data: { noted: by } }, lostUntil: 11 }));
            else if (does === 'wait') results.push('waited');
            else results.push(await store[does](hold));
          }
          if (does === 'wait') clock.leap(1_000);
          expect(results[1]).toEqual(results[0]);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('any interleaving of tries that are repeated, late, killed or refused', () => {
  it('has the effect once, tells it once and answers alike', async () => {
    const fate = fc.record({
      /** What the effect says; a lost answer has had the effect. */
      effect: fc.constantFrom('done', 'done', 'lost', 'refused', 'unsent'),
      /** After which call to the store the process is killed; 9 for never. */
      diesAfter: fc.integer({ min: 0, max: 9 }),
      /** What becomes of its settlement: its answer may be lost, or nothing written at all, until the function ends. */
      settlement: fc.constantFrom('written', 'written', 'lost', 'failed'),
      /** How much later it comes than the one before, milliseconds. */
      after: fc.constantFrom(0, 0, 1_000, 30_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { minLength: 1, maxLength: 6 }), fc.scheduler(), async (fates, scheduler) => {
        let now = 1_000_000;
        const clock = { now: () => now, sleepUntil: async () => undefined };
        let told = 0;
        const memory = new MemoryRequests(clock.now, (further) => (told += further.length));
        let effects = 0;
        const answers: number[] = [];

        const attempt = (one: { effect: string; diesAfter: number; settlement: string }) => {
          let calls = 0;
          const step = async <T>(work: () => Promise<T>): Promise<T> => {
            await scheduler.schedule(Promise.resolve());
            const value = await work();
            calls += 1;
            // Whoever is dead never hears of it.
            return calls > one.diesAfter ? new Promise<never>(() => undefined) : value;
          };
          const store: IdempotencyStore = {
            claim: (request) => step(() => memory.claim(request)),
            takeOver: (seen, by) => step(() => memory.takeOver(seen, by)),
            settle: (...all) =>
              step(async () => {
                const settled = one.settlement === 'failed' ? undefined : await memory.settle(...all);
                if (one.settlement !== 'written') throw new Error('down');
                return settled;
              }),
            suspend: (...all) => step(() => memory.suspend(...all)),
            release: (hold) => step(() => memory.release(hold)),
          };
          const further = () => [event('told', 1)];
          const have = async (): Promise<Outcome<Data>> => {
            await scheduler.schedule(Promise.resolve());
            if (one.effect === 'refused') return refused(new ApiError('UPSTREAM_THROTTLED'));
            if (one.effect === 'unsent') return refused(new Error('unsent'));
            effects += 1;
            return one.effect === 'lost' ? unknown : { kind: 'done', status: 201, data: { made: 1 }, further };
          };
          void runOnce<Reference, Data>(
            { store, hash, clock },
            { partner: 'shop', key: 'k', operation: 'order', request: 1, deadline: now + 10_000 },
            {
              reference: { at: now },
              perform: have,
              // What the upstream knows decides whether the effect has still to be had.
              resolve: async () => {
                await scheduler.schedule(Promise.resolve());
                return effects > 0 ? { kind: 'done', status: 201, data: { made: 1 }, further } : have();
              },
              conclude: (_, data) => ({ kind: 'done', status: 201, data, further }),
            },
          ).then(
            ({ data }) => answers.push(data.made),
            () => undefined,
          );
        };

        for (const one of fates) {
          now += one.after;
          // A lease outlasts whatever its process does: a process that is still at it when its lease ends is dead.
          if (one.after > 10_000) await scheduler.waitIdle();
          attempt(one);
        }
        await scheduler.waitIdle();
        now += 60_000;
        attempt({ effect: 'done', diesAfter: 9, settlement: 'written' });
        await scheduler.waitIdle();

        expect(effects).toBe(1);
        expect(told).toBe(1);
        expect(new Set(answers)).toEqual(new Set([1]));
        expect([...memory.rows.values()]).toMatchObject([{ status: 'DONE' }]);
      }),
      { numRuns: 400 },
    );
  });
});

describe('canonical JSON', () => {
  it('is equal for equal values and differs for others', () => {
    expect(canonicalJson({ b: 1, a: [null, { d: 'x', c: undefined }] })).toBe('{"a":[null,{"d":"x"}],"b":1}');
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
