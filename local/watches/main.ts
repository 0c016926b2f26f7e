import { randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { SettingsError } from '../../config/problems.ts';
import { loadSettings } from '../../config/settings.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { SlicesQueue } from '../../lambdas/shared/slices-queue.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import { explainAwsError } from './aws-errors.ts';
import { workThrough, type BulkEnd, type BulkParts } from './bulk.ts';
import { CheckNow } from './check-now.ts';
import { findDeployedTarget } from './deployed-target.ts';
import { InputError, TargetError, UsageError } from './errors.ts';
import { Importer } from './import.ts';
import { watchKinds, type WatchKind } from './kinds.ts';
import { listWatches } from './list.ts';
import { findLocalTarget } from './local-target.ts';
import { goOnCommand, readOptions, type Command, type Options } from './options.ts';
import { Rejects } from './rejects.ts';
import { Remover } from './remove.ts';
import { WatchRows } from './rows.ts';
import { count, duration, plural, Screen } from './screen.ts';
import { Sightings } from './sightings.ts';
import { oneLineFile, openSource } from './source.ts';
import type { Target } from './target.ts';
import { openWatchFile, type GoodLine, type ReadOptions, type WatchFile } from './watch-file.ts';

/** What a command works with. */
interface Session {
  readonly argv: readonly string[];
  readonly options: Options;
  readonly screen: Screen;
  readonly kinds: readonly WatchKind[];
  /** The stack, looked for when it is first needed. */
  readonly target: () => Promise<Target>;
}

const EXIT = { done: 0, failed: 1, rejected: 3 } as const;

const RUN: Readonly<Record<Command, (session: Session) => Promise<number>>> = {
  import: importCommand,
  list: listCommand,
  remove: removeCommand,
  'check-now': checkNowCommand,
};

async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if ('help' in options) {
    process.stdout.write(options.help);
    return EXIT.done;
  }
  const { stage, region, data, config } = options;
  const settings = loadSettings(stage ?? 'local', config === undefined ? {} : { directory: config }).runtime;
  let found: Promise<Target> | undefined;
  const find = (): Promise<Target> =>
    stage === undefined ? findLocalTarget(data, settings) : findDeployedTarget(settings, region);
  try {
    return await RUN[options.command]({
      argv,
      options,
      screen: new Screen(process.stderr, options),
      kinds: watchKinds(settings),
      target: () => (found ??= find()),
    });
  } finally {
    await found?.then(
      (target) => target.close(),
      () => undefined,
    );
  }
}

async function importCommand(session: Session): Promise<number> {
  const check: ReadOptions['check'] = (kind, { fields }) => {
    const bucket = kind.bucketOf(fields);
    return 'problems' in bucket ? bucket.problems : [];
  };
  if (session.options.dryRun) return dryRun(session, check);
  const target = await session.target();
  const rows = rowsOf(target);
  const store = storeOf(target);
  let importer: Importer | undefined;
  return bulk(session, {
    check,
    opened: ({ kind }) => (importer = new Importer({ rows, store, kind })),
    work: (batch, earlier) => importer!.import(batch, earlier),
    title: `Imported into ${target.name}`,
    counts: () => {
      const { added, alreadyThere, returned, moved, duplicates } = importer!.counts;
      return { added, 'already there': alreadyThere, moved, returned, duplicates };
    },
  });
}

async function removeCommand(session: Session): Promise<number> {
  const { options } = session;
  if (options.dryRun) return dryRun(session);
  const target = await session.target();
  if (options.file !== undefined && !options.yes && !(await confirmed(session, target))) {
    session.screen.line('Nothing was removed.');
    return EXIT.failed;
  }
  const remover = new Remover(storeOf(target));
  return bulk(session, {
    work: (batch) => remover.remove(batch),
    title: `Removed from the list of ${target.name}`,
    counts: () => ({ removed: remover.counts.removed, 'not on the list': remover.counts.notOnTheList }),
  });
}

/** Only reads the file. */
async function dryRun(session: Session, check?: ReadOptions['check']): Promise<number> {
  const sightings = new Sightings();
  const counts = { valid: 0, duplicates: 0 };
  return bulk(session, {
    ...(check && { check }),
    async work(batch) {
      for (const { watchId } of batch) counts[sightings.add(watchId) ? 'duplicates' : 'valid'] += 1;
    },
    title: 'Checked; nothing was written',
    counts: () => counts,
  });
}

/** Asks whether as many watches as a file holds are to be removed. */
async function confirmed({ options, kinds }: Session, target: Target): Promise<boolean> {
  const { file = '', fromLine } = options;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError('Nobody can be asked here: add --yes, or --dry-run to see what would be removed.');
  }
  let watches = 0;
  const { lines } = await openWatchFile(openSource(file).chunks, kinds, { fromLine });
  for await (const line of lines) if (!('reason' in line)) watches += 1;
  const dialogue = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await dialogue.question(`Take ${plural(watches, 'title')} off the list of ${target.name}? [y/N] `);
  dialogue.close();
  return /^y(?:es)?$/iu.test(answer.trim());
}

async function checkNowCommand(session: Session): Promise<number> {
  const { options, screen } = session;
  const target = await session.target();
  const requestId = options.requestId ?? randomUUID();
  const { sliceSeconds } = target.settings.polling;
  const slices = new SlicesQueue(target.sqs, target.slicesQueueUrl);
  let checks: CheckNow | undefined;
  return bulk(session, {
    opened: ({ kind }) => (checks = new CheckNow({ rows: rowsOf(target), slices, kind, sliceSeconds, requestId })),
    work: async (batch, _earlier, refuse) => checks!.take(batch, refuse),
    async finish() {
      const { watches, slices: sent, seconds } = await checks!.send();
      const what = `${plural(watches, 'check')} in ${plural(sent, 'slice')} for ${target.name}`;
      screen.line(`Request ${requestId}: ${what}, ${duration(seconds)} of sending once it is their turn.`);
    },
  });
}

async function listCommand({ options, screen, kinds, target: find }: Session): Promise<number> {
  const kind = kinds.find(({ name }) => name === options.kind);
  if (kind === undefined) {
    throw new UsageError(`--kind is "${options.kind}"; it must be one of ${kinds.map(({ name }) => name).join(', ')}.`);
  }
  await listWatches({
    rows: rowsOf(await find()),
    kind,
    out: process.stdout,
    warn: (message) => screen.line(message, 'yellow'),
    licensor: options.licensor,
    onlyProblems: options.problems,
    details: options.details,
  });
  return EXIT.done;
}

/** What a command does with the lines of its file. */
interface BulkCommand {
  readonly check?: ReadOptions['check'];
  readonly opened?: (file: WatchFile) => void;
  readonly work: (
    batch: readonly GoodLine[],
    earlier: () => Promise<unknown>,
    refuse: (line: GoodLine, reason: string) => void,
  ) => Promise<void>;
  /** What is left to do when every line has been worked on. */
  readonly finish?: () => Promise<void>;
  /** Heads the summary; without it there is none. */
  readonly title?: string;
  readonly counts?: () => Readonly<Record<string, number>>;
}

/** Works through the file of a command, with progress, rejects, an early end and a summary. */
async function bulk(session: Session, command: BulkCommand): Promise<number> {
  const { options, screen, kinds } = session;
  const { file: name, one, fromLine } = options;
  refuseSameFile(options);
  const rejects = new Rejects(screen, options.rejects, fromLine > 1);
  const source = name === undefined ? undefined : openSource(name);
  const chunks = source?.chunks ?? oneLineFile(one ?? {});
  const interrupted = interruption(screen);
  const startedAt = Date.now();
  let lines = 0;
  let end: BulkEnd;
  try {
    const file = await openWatchFile(chunks, kinds, { fromLine, ...(command.check && { check: command.check }) });
    command.opened?.(file);
    rejects.begin(file.columns);
    screen.beginProgress(() => ({ lines, bytes: source?.bytes() ?? 0, totalBytes: source?.totalBytes }));
    const refuse = ({ line, fields }: GoodLine, reason: string): void => {
      if (name === undefined) throw new InputError(`${Object.values(one ?? {}).join(' ')} ${reason}.`);
      rejects.add({ line, reason, original: file.columns.map((column) => fields[column] ?? '') });
    };
    const parts: BulkParts = {
      lines: counted(file.lines, () => (lines += 1)),
      work: (batch, earlier) => command.work(batch, earlier, refuse),
      reject(bad) {
        // There is no file that could be mended.
        if (name === undefined) throw new UsageError(bad.reason);
        rejects.add(bad);
      },
      stop: interrupted.signal,
    };
    end = await workThrough(parts);
  } finally {
    screen.endProgress();
    source?.close();
    interrupted.release();
  }
  rejects.end();
  // One watch that is named by options has no line to go on from.
  if (name === undefined && end.failure !== undefined) throw end.failure;
  if (command.title !== undefined) summarise(command, end.read, rejects.total, (Date.now() - startedAt) / 1000);
  if (end.goOnFrom !== undefined) {
    if (end.failure !== undefined) tellError(end.failure);
    if (command.finish) screen.line('Nothing was sent.');
    else tellHowToGoOn(session, end.goOnFrom);
    return EXIT.failed;
  }
  await command.finish?.();
  return rejects.total > 0 ? EXIT.rejected : EXIT.done;
}

async function* counted<T>(items: AsyncIterable<T>, tick: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    tick();
    yield item;
  }
}

/** A file that is read must not be written at the same time. */
function refuseSameFile({ file, rejects }: Options): void {
  const real = (path: string | undefined): string | undefined => {
    try {
      return path === undefined ? undefined : realpathSync(path);
    } catch {
      return undefined;
    }
  };
  const target = real(rejects);
  if (target !== undefined && target === real(file)) {
    throw new UsageError('--rejects names the file that is read: name another one.');
  }
}

/** Ctrl-C ends the work early; a second one ends the process at once. */
function interruption(screen: Screen): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const ask = (): void => {
    if (controller.signal.aborted) process.exit(130);
    screen.line('Stopping; what is under way is finished. Once more ends at once.');
    controller.abort();
  };
  process.on('SIGINT', ask).on('SIGTERM', ask);
  return { signal: controller.signal, release: () => void process.off('SIGINT', ask).off('SIGTERM', ask) };
}

function summarise(command: BulkCommand, read: number, rejected: number, seconds: number): void {
  const peak = process.resourceUsage().maxRSS / 1024;
  const rows = Object.entries({ 'lines read': read, ...command.counts?.(), rejected }).map(
    ([name, value]) => [name, count(value)] as const,
  );
  const all = [
    ...rows,
    ['seconds', seconds.toFixed(1)],
    ['lines a second', count(Math.round(read / Math.max(seconds, 0.001)))],
    ['peak memory', `${Math.round(peak)} MB`],
  ] as const;
  const names = Math.max(...all.map(([name]) => name.length));
  const values = Math.max(...all.map(([, value]) => value.length));
  const table = all.map(([name, value]) => `  ${name.padEnd(names)}  ${value.padStart(values)}`);
  process.stdout.write([`${command.title ?? ''}:`, ...table, ''].join('\n'));
}

function tellHowToGoOn({ argv, options, screen }: Session, goOnFrom: number): void {
  screen.line(`Not finished. Everything before line ${goOnFrom} is done; go on with`);
  screen.line(`  ${goOnCommand(argv, goOnFrom)}`);
  if (options.file === '-') screen.line('and the same input. Beginning again from the start is right as well.');
  else screen.line('Beginning again from the start is right as well.');
}

function rowsOf({ database, watchesTable }: Target): WatchRows {
  return new WatchRows(database, watchesTable, systemClock);
}

function storeOf({ database, watchesTable }: Target): WatchStore<never> {
  return new WatchStore(database, watchesTable, systemClock);
}

function tellError(error: unknown): void {
  const isKnown = [UsageError, InputError, TargetError, SettingsError].some((kind) => error instanceof kind);
  const message = isKnown ? (error as Error).message : explainAwsError(error);
  if (message !== undefined) console.error(message);
  else console.error(error);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  tellError(error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
