import { randomUUID } from 'node:crypto';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { SlicesQueue } from '../../lambdas/shared/slices-queue.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import { ask } from '../bulk/ask.ts';
import { InputError } from '../bulk/errors.ts';
import { interruption, unlessAborted } from '../bulk/interruption.ts';
import { EXIT, runProgram, type Session as StackSession } from '../bulk/program.ts';
import { quote } from '../bulk/quote.ts';
import { refuseSameFile, Rejects } from '../bulk/rejects.ts';
import { duration, plural } from '../bulk/screen.ts';
import { oneLineFile, openSource } from '../bulk/source.ts';
import { printSummary } from '../bulk/summary.ts';
import type { Target } from '../bulk/target.ts';
import { UsageError } from '../command-line.ts';
import { workThrough, type BulkEnd, type BulkParts } from './bulk.ts';
import { CheckNow, PartlySentError } from './check-now.ts';
import { Importer } from './import.ts';
import { watchKinds, type WatchKind } from './kinds.ts';
import { listWatches } from './list.ts';
import { goOnCommand, readOptions, repeatCommand, type Command, type Options } from './options.ts';
import { Remover } from './remove.ts';
import { WatchRows } from './rows.ts';
import { Sightings } from './sightings.ts';
import { openWatchFile, type GoodLine, type ReadOptions, type WatchFile } from './watch-file.ts';

/** What a command works with. */
type Session = StackSession<Options> & { readonly kinds: readonly WatchKind[] };

const RUN: Readonly<Record<Command, (session: Session) => Promise<number>>> = {
  import: importCommand,
  list: listCommand,
  remove: removeCommand,
  'check-now': checkNowCommand,
};

async function importCommand(session: Session): Promise<number> {
  const check: ReadOptions['check'] = (kind, { fields }) => {
    const checked = [kind.bucketOf(fields), kind.tuningOf(fields, {})];
    return checked.flatMap((one) => ('problems' in one ? one.problems : []));
  };
  if (session.options.dryRun) return dryRun(session, check);
  const target = await session.target();
  const rows = rowsOf(target);
  const store = storeOf(target);
  let importer: Importer | undefined;
  let canBeTuned = false;
  return bulk(session, {
    check,
    opened({ kind }) {
      importer = new Importer({ rows, store, kind });
      canBeTuned = kind.columns.some(({ tunes }) => tunes);
    },
    work: (batch, earlier) => importer!.import(batch, earlier),
    title: `Imported into ${target.name}`,
    counts: () => {
      const { added, alreadyThere, returned, moved, tuned, duplicates } = importer!.counts;
      return { added, 'already there': alreadyThere, moved, returned, ...(canBeTuned && { tuned }), duplicates };
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
  const source = openSource(file);
  try {
    if (source.totalBytes === undefined) {
      throw new UsageError(
        `${file} cannot be read twice, to count and to remove: add --yes, or --dry-run to only check it.`,
      );
    }
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
      throw new UsageError('Nobody can be asked here: add --yes, or --dry-run to only check the file.');
    }
    const sightings = new Sightings();
    let [watches, bad] = [0, 0];
    const { kind, lines } = await openWatchFile(source.chunks, kinds, { fromLine });
    for await (const line of lines) {
      if ('reason' in line) bad += 1;
      else if (!sightings.add(line.watchId)) watches += 1;
    }
    const others = bad === 0 ? '' : ` (${plural(bad, 'bad line')} will be left out)`;
    return await ask(`Take ${plural(watches, kind.noun)}${others} off the list of ${target.name}? [y/N] `, {
      input: process.stdin,
      output: process.stderr,
    });
  } finally {
    source.close();
  }
}

async function checkNowCommand(session: Session): Promise<number> {
  const { argv, options, screen, tellError } = session;
  const target = await session.target();
  const requestId = options.requestId ?? randomUUID();
  const { sliceSeconds } = target.settings.polling;
  let checks: CheckNow | undefined;
  return bulk(session, {
    opened({ kind }) {
      const slices = new SlicesQueue(target.sqs, target.output(kind.queueOutput));
      checks = new CheckNow({ rows: rowsOf(target), slices, kind, sliceSeconds, requestId, clock: systemClock });
    },
    work: (batch, earlier, refuse) => checks!.take(batch, earlier, refuse),
    async finish() {
      let all = 0;
      let needed = 0;
      try {
        await checks!.send(({ watches, slices, seconds }) => {
          [all, needed] = [slices, seconds];
          // Before anything is sent: whoever repeats the request needs its identifier.
          const what = `${plural(watches, 'check')} in ${plural(slices, 'slice')} for ${target.name}`;
          screen.line(`Request ${requestId}: ${what}.`);
        });
      } catch (error) {
        if (!(error instanceof PartlySentError)) throw error;
        tellError(error.cause);
        screen.line(`Of ${plural(all, 'slice')} at least ${error.sent} were sent. Within 5 minutes, repeat with`);
        screen.line(`  ${repeatCommand(argv, requestId)}`);
        screen.line(
          `${options.file === '-' ? 'and the same input' : 'the same file'}: what was sent is not checked twice.`,
        );
        return EXIT.failed;
      }
      screen.line(`Sent: ${duration(needed)} of checking at the configured rate, once it is their turn.`);
      return EXIT.done;
    },
  });
}

async function listCommand({ options, screen, kinds, target: find }: Session): Promise<number> {
  const { filter } = options;
  const kind = kinds.find(({ name }) => name === options.kind);
  if (kind === undefined) {
    throw new UsageError(
      `--kind is ${quote(options.kind)}; it must be one of ${kinds.map(({ name }) => name).join(', ')}.`,
    );
  }
  const strange = Object.keys(filter).find((column) => !kind.filters.includes(column));
  if (strange !== undefined) throw new UsageError(`The list of ${kind.noun}s cannot be chosen by --${strange}.`);
  const printed = await listWatches({
    rows: rowsOf(await find()),
    kind,
    out: process.stdout,
    warn: (message) => screen.line(message, 'yellow'),
    filter,
    onlyProblems: options.problems,
    details: options.details,
  });
  if (kind.filters.every((column) => filter[column] !== undefined)) {
    const bucket = kind.bucketOf(filter);
    if ('problems' in bucket) screen.line(`Note: ${bucket.problems.join('; ')}.`, 'yellow');
  }
  if (printed !== undefined && !options.quiet) screen.line(`${plural(printed, kind.noun)} listed.`);
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
  /** What is left to do when every line has been worked on. Returns the exit code. */
  readonly finish?: () => Promise<number>;
  /** Heads the summary; without it there is none. */
  readonly title?: string;
  readonly counts?: () => Readonly<Record<string, number>>;
}

/** Works through the file of a command, with progress, rejects, an early end and a summary. */
async function bulk(session: Session, command: BulkCommand): Promise<number> {
  const { options, screen, kinds, tellError } = session;
  const { file: name, one, fromLine } = options;
  refuseSameFile(name, options.rejects);
  const rejects = new Rejects(screen, { file: options.rejects, goOn: fromLine > 1, command: options.command });
  const interrupted = interruption(screen);
  const source = name === undefined ? undefined : openSource(name);
  const chunks = source?.chunks ?? oneLineFile(one ?? {});
  const startedAt = Date.now();
  let lines = 0;
  let end: BulkEnd;
  try {
    const opening = openWatchFile(chunks, kinds, { fromLine, ...(command.check && { check: command.check }) });
    const file = await unlessAborted(opening, interrupted.signal);
    if (file === undefined) {
      screen.line('Nothing was done.');
      return EXIT.failed;
    }
    command.opened?.(file);
    rejects.begin(file.columns);
    screen.beginProgress(() => ({
      count: lines,
      noun: 'lines',
      done: source?.bytes() ?? 0,
      total: source?.totalBytes,
    }));
    const parts: BulkParts = {
      lines: counted(file.lines, () => (lines += 1)),
      fromLine,
      work: (batch, earlier, refuse) =>
        command.work(batch, earlier, ({ line, fields }, reason) => {
          if (name === undefined)
            throw new InputError(
              `${Object.values(one ?? {})
                .map(quote)
                .join(' ')} ${reason}.`,
            );
          refuse({ line, reason, original: file.columns.map((column) => fields[column] ?? '') });
        }),
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
    rejects.end();
  }
  // Nothing to go on from: one watch that is named by options, or a file that gave no line.
  if (end.failure !== undefined && (name === undefined || end.read === 0)) throw end.failure;
  if (command.title !== undefined) {
    const counts = { 'lines read': end.read, ...command.counts?.(), rejected: rejects.total };
    printSummary(command.title, counts, { lines: end.read, seconds: (Date.now() - startedAt) / 1000 });
  }
  if (end.goOnFrom !== undefined) {
    if (end.failure !== undefined) tellError(end.failure);
    if (command.finish) screen.line('Nothing was sent.');
    else tellHowToGoOn(session, end.goOnFrom);
    return EXIT.failed;
  }
  const code = (await command.finish?.()) ?? EXIT.done;
  return code === EXIT.done && rejects.total > 0 ? EXIT.rejected : code;
}

async function* counted<T>(items: AsyncIterable<T>, tick: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    tick();
    yield item;
  }
}

function tellHowToGoOn({ argv, options, screen }: Session, goOnFrom: number): void {
  screen.line(`Not finished. Everything before line ${goOnFrom} is done; go on with`);
  screen.line(`  ${goOnCommand(argv, goOnFrom)}`);
  const input = options.file === '-' ? 'and the same input. ' : '';
  const rejects = options.rejects === undefined ? '' : ', with another --rejects file or after deleting this one';
  screen.line(`${input}Beginning again from the start is right as well${rejects}.`);
}

function rowsOf({ database, table }: Target): WatchRows {
  return new WatchRows(database, table, systemClock);
}

function storeOf({ database, table }: Target): WatchStore<never> {
  return new WatchStore(database, table, systemClock);
}

await runProgram<Options>({
  readOptions,
  run: (session) => RUN[session.options.command]({ ...session, kinds: watchKinds(session.settings) }),
  tableOutput: 'WatchesTableName',
  manual: 'docs/watch-list.md',
});
