import { systemClock } from '../../lambdas/shared/clock.ts';
import { ask } from '../bulk/ask.ts';
import type { CsvFile } from '../bulk/csv-file.ts';
import { InputError } from '../bulk/errors.ts';
import { interruption, unlessAborted } from '../bulk/interruption.ts';
import { EXIT, runProgram, type Session as StackSession } from '../bulk/program.ts';
import { quote } from '../bulk/quote.ts';
import { refuseSameFile, Rejects } from '../bulk/rejects.ts';
import { count, plural } from '../bulk/screen.ts';
import { openSource } from '../bulk/source.ts';
import { printSummary } from '../bulk/summary.ts';
import { UsageError } from '../command-line.ts';
import { CatalogueRows } from './catalogue-rows.ts';
import { Importer, inBatches, Remover } from './import.ts';
import { listSkus } from './list.ts';
import { readOptions, sameCommand, type Command, type Options } from './options.ts';
import { choosePartner, type EntitledPartner } from './partner.ts';
import { openSkuFile, readSkuNames, readSkus, type SkuFile } from './sku-file.ts';

/** What a command works with. */
type Session = StackSession<Options> & { readonly partner: EntitledPartner };

const RUN: Readonly<Record<Command, (session: Session) => Promise<number>>> = {
  import: importCommand,
  list: listCommand,
  remove: removeCommand,
};

async function importCommand(session: Session): Promise<number> {
  const { options, screen } = session;
  const { dryRun, replace } = options;
  const startedAt = Date.now();
  const { rows, name } = await catalogueOf(session);
  const file = await readFile(session, ['sku', 'item', 'kind'], readSkus);
  if (file === undefined) return EXIT.failed;
  tellSettings(session, [...file.skus.keys()]);
  const gone = replace ? await namesToRemove(session, rows, file) : [];
  const removal = `Take ${plural(gone.length, 'SKU')} that the file does not name off the catalogue of ${name}?`;
  if (gone.length > 0 && !dryRun && !(await isAgreed(options, removal))) {
    screen.line('Nothing was written.');
    return EXIT.failed;
  }
  const importer = new Importer(rows, { dryRun });
  let removed = 0;
  // What goes is removed last: whoever stops in between has too much in the catalogue, and never too little.
  const work = async (stop: AbortSignal, tick: (skus: number) => void): Promise<void> => {
    await inBatches([...file.skus], stop, async (batch) => {
      await importer.import(batch);
      tick(batch.length);
    });
    await inBatches(gone, stop, async (batch) => {
      if (!dryRun) await rows.remove(batch);
      removed += batch.length;
      tick(batch.length);
    });
  };
  const isDone = await workThrough(session, file.skus.size + gone.length, work);
  const { lines, rejectedSkus, rejected } = file;
  printSummary(
    dryRun ? `Compared with the catalogue of ${name}; nothing was written` : `Imported into the catalogue of ${name}`,
    {
      'lines read': lines,
      ...importer.counts,
      ...(replace && { removed }),
      rejected: rejectedSkus,
      'lines not taken': rejected.length,
    },
    { lines, seconds: (Date.now() - startedAt) / 1000 },
  );
  if (!isDone) return EXIT.failed;
  return rejected.length > 0 ? EXIT.rejected : EXIT.done;
}

/** SKUs of the catalogue that a file does not name. None, where lines of the file were not taken. */
async function namesToRemove({ screen }: Session, rows: CatalogueRows, file: SkuFile<unknown>): Promise<string[]> {
  if (file.rejected.length > 0) {
    screen.line('Nothing is removed, since lines were not taken: a SKU may be one of theirs.', 'yellow');
    return [];
  }
  if (file.skus.size === 0) {
    throw new InputError('The file names no SKU, and --replace would empty the catalogue. To do that, use remove.');
  }
  const gone: string[] = [];
  for await (const page of rows.listed()) gone.push(...page.map(({ sku }) => sku).filter((sku) => !file.skus.has(sku)));
  return gone;
}

async function removeCommand(session: Session): Promise<number> {
  const { options, screen } = session;
  const startedAt = Date.now();
  const { rows, name } = await catalogueOf(session);
  const file = options.file === undefined ? undefined : await readFile(session, ['sku'], readSkuNames);
  if (options.file !== undefined && file === undefined) return EXIT.failed;
  const skus = file === undefined ? options.skus : [...file.skus.keys()];
  const removal = `Take ${plural(skus.length, 'SKU')} off the catalogue of ${name}?`;
  if (file !== undefined && skus.length > 0 && !(await isAgreed(options, removal))) {
    screen.line('Nothing was removed.');
    return EXIT.failed;
  }
  const remover = new Remover(rows);
  const isDone = await workThrough(session, skus.length, (stop, tick) =>
    inBatches(skus, stop, async (batch) => {
      await remover.remove(batch);
      tick(batch.length);
    }),
  );
  tellSettings(session, skus);
  const lines = file?.lines ?? skus.length;
  printSummary(
    `Removed from the catalogue of ${name}`,
    {
      ...(file && { 'lines read': lines }),
      removed: remover.counts.removed,
      'not in the catalogue': remover.counts.notThere,
      ...(file && { 'lines not taken': file.rejected.length }),
    },
    { lines, seconds: (Date.now() - startedAt) / 1000 },
  );
  if (!isDone) return EXIT.failed;
  return file !== undefined && file.rejected.length > 0 ? EXIT.rejected : EXIT.done;
}

async function listCommand(session: Session): Promise<number> {
  const { options, screen, partner } = session;
  const { rows } = await catalogueOf(session);
  const printed = await listSkus({
    rows,
    format: options.format,
    out: process.stdout,
    warn: (message) => screen.line(message, 'yellow'),
  });
  if (printed === undefined || options.quiet) return EXIT.done;
  const listed = new Set(printed);
  const others = [...partner.skusOfSettings].filter((sku) => !listed.has(sku)).length;
  const besides = others === 0 ? '' : ` The settings hold ${count(others)} besides, which are not in this list.`;
  screen.line(`${plural(printed.length, 'SKU')} listed.${besides}`);
  tellSettings(session, printed);
  return EXIT.done;
}

/** The catalogue, and how it is called in messages. */
async function catalogueOf({ target: find, partner }: Session): Promise<{ rows: CatalogueRows; name: string }> {
  const { database, table, name } = await find();
  const rows = new CatalogueRows(database, table, partner.name, systemClock);
  return { rows, name: `${partner.name} in ${name}` };
}

/** Reads the whole file, and tells which of its lines are not taken; undefined when it is stopped. */
async function readFile<Content>(
  { options, screen }: Session,
  required: Parameters<typeof openSkuFile>[1],
  read: (file: CsvFile) => Promise<SkuFile<Content>>,
): Promise<SkuFile<Content> | undefined> {
  const { file: name = '', command } = options;
  refuseSameFile(name, options.rejects);
  const rejects = new Rejects(screen, { file: options.rejects, goOn: false, command });
  const interrupted = interruption(screen);
  const source = openSource(name);
  const readAll = async (): Promise<SkuFile<Content>> => {
    const file = await openSkuFile(source.chunks, required);
    rejects.begin(file.columns);
    return read(file);
  };
  try {
    const file = await unlessAborted(readAll(), interrupted.signal);
    for (const line of file?.rejected ?? []) rejects.add(line);
    if (file === undefined) screen.line('Nothing was done.');
    return file;
  } finally {
    source.close();
    interrupted.release();
    rejects.end();
  }
}

/** Whether somebody says so. @throws UsageError where nobody can be asked */
async function isAgreed({ yes, file }: Options, question: string): Promise<boolean> {
  if (yes) return true;
  if (file === '-' || !process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(`${question} Nobody can be asked here: add --yes.`);
  }
  return ask(`${question} [y/N] `, { input: process.stdin, output: process.stderr });
}

/**
 * Works with progress, until it is done or stopped; a failure in the middle is told.
 *
 * @returns whether it is done
 */
async function workThrough(
  { argv, options, screen, tellError }: Session,
  total: number,
  work: (stop: AbortSignal, tick: (skus: number) => void) => Promise<void>,
): Promise<boolean> {
  const interrupted = interruption(screen);
  let done = 0;
  screen.beginProgress(() => ({ count: done, noun: 'SKUs', done, total }));
  try {
    await work(interrupted.signal, (skus) => (done += skus));
  } catch (error) {
    screen.endProgress();
    tellError(error);
  } finally {
    screen.endProgress();
    interrupted.release();
  }
  if (done === total) return true;
  screen.line(`Not finished: at least ${count(done)} of ${plural(total, 'SKU')} are done. Go on with`);
  screen.line(`  ${sameCommand(argv)}`);
  const input = options.file === '-' ? 'and the same input. ' : '';
  const rejects = options.rejects === undefined ? '' : '; name another --rejects file, or delete this one';
  screen.line(`${input}What is right already is not written again${rejects}.`);
  return false;
}

const SHOWN = 5;

/** Says for which of these SKUs the catalogue does not count. */
function tellSettings({ screen, partner }: Session, skus: readonly string[]): void {
  const both = skus.filter((sku) => partner.skusOfSettings.has(sku));
  if (both.length === 0) return;
  const names = both.slice(0, SHOWN).map(quote).join(', ');
  const more = both.length > SHOWN ? ` and ${count(both.length - SHOWN)} more` : '';
  screen.line(`Note: the settings hold ${names}${more} as well, and what they say wins.`, 'yellow');
}

await runProgram<Options>({
  readOptions,
  run: (session) => {
    const partner = choosePartner(session.settings.partnerApi, session.options.partner);
    return RUN[session.options.command]({ ...session, partner });
  },
  tableOutput: 'EntitlementsTableName',
  manual: 'docs/sku-catalogue.md',
});
