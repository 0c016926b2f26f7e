import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../command-line.ts';
import { npmCommand } from '../bulk/quote.ts';
import {
  callersPath,
  commandNamed,
  EXIT_CODES_HELP,
  readStackOptions,
  STACK_HELP,
  STACK_OPTIONS,
  textOf,
  type OptionValues,
  type StackOptions,
} from '../bulk/stack-options.ts';
import { isRequired, KIND_SHAPES, type Column, type KindShape } from './kinds.ts';

/** One line of help: an option, and what it does; a long option has a line of its own. */
const helpLine = (option: string, text: string): string =>
  option.length > 20 ? `  ${option}\n${' '.repeat(23)}${text}` : `  ${option.padEnd(20)} ${text}`;
const columnHelp = ({ help, default: value }: Column): string =>
  value === undefined || value === '' ? help : `${help} (default ${value})`;

const requiredOf = ({ columns }: KindShape): string[] => columns.filter(isRequired).map(({ name }) => name);

/** The columns that say which watch is meant. */
const namingColumns = ({ columns }: KindShape): Column[] => columns.filter(({ tunes }) => tunes !== true);

/** How watches are named: by a file, or one by the options of its columns. */
function selectionOf(shapes: readonly KindShape[]): string {
  return [
    'Which',
    helpLine('FILE', 'a CSV file of watches; - reads standard input'),
    ...shapes.flatMap((shape) => [
      `or one ${shape.noun} by`,
      ...namingColumns(shape).map((column) => helpLine(`--${column.name} <text>`, columnHelp(column))),
    ]),
    '',
  ].join('\n');
}

/** How one watch is named on the command line, in a usage line. */
const usageOfOne = (shape: KindShape): string[] =>
  namingColumns(shape).map((column) => (isRequired(column) ? `--${column.name} <text>` : `[--${column.name} <text>]`));

const WIDTH = 120;

/** Words in lines; the first begins with `lead`, the others as far to the right. */
function wrapped(lead: string, words: readonly string[]): string {
  const lines = [lead];
  for (const word of words) {
    if (lines.at(-1)!.length + word.length < WIDTH) lines.push(`${lines.pop()!} ${word}`);
    else lines.push(`${' '.repeat(lead.length)} ${word}`);
  }
  return lines.join('\n');
}

function csvOf(shapes: readonly KindShape[]): string {
  const headers = shapes.flatMap(({ noun, columns }) => [
    `for ${noun}s`,
    ...columns.map((column) => helpLine(column.name, columnHelp(column))),
  ]);
  return `The file is CSV in UTF-8, each line for itself, with a header that names its columns:
${headers.join('\n')}
The columns line and reason of a rejects file, and those of \`list --details\`, may be there and are not read.
`;
}

export const COMMANDS = ['import', 'list', 'remove', 'check-now'] as const;
export type Command = (typeof COMMANDS)[number];

function helpOf(command: Command | 'all', shapes: readonly KindShape[]): string {
  const SELECTION = selectionOf(shapes);
  const usages = (name: string): string =>
    [['FILE'], ...shapes.map(usageOfOne)]
      .map((which, index) =>
        wrapped(`${index === 0 ? 'Usage:' : '      '} npm run watches -- ${name}`, [...which, '[options]']),
      )
      .join('\n');
  const filters = [...new Set(shapes.flatMap((shape) => shape.filters))];
  const HELP: Readonly<Record<Command | 'all', string>> = {
    all: `The watch list of a stack: what is polled.

Usage: npm run watches -- <command> [options]

  import FILE   puts the watches of a CSV file on the list
  list          prints the list as CSV
  remove        takes watches off the list
  check-now     has watches checked now instead of in their lap
  --help        this text, or that of a command

${STACK_HELP}
${EXIT_CODES_HELP}`,
    import: `Puts the watches of a CSV file on the list. What is on it already stays as it is, so a file can be imported again.

Usage: npm run watches -- import FILE [options]

  FILE                 the CSV file; - reads standard input
  --dry-run            only checks the file and writes nothing
  --rejects <file>     a new CSV file for the lines that are not taken: mend them there and import it
  --from-line <n>      goes on at this line of the file, after an import that was stopped
  --quiet              shows no progress
  --help               this text

${STACK_HELP}
${csvOf(shapes)}
Ctrl-C finishes what is under way and says how to go on. Paths are meant from the folder where npm was called.
${EXIT_CODES_HELP}`,
    list: `Prints the watch list as CSV, as \`import\` reads it, in no particular order.

Usage: npm run --silent watches -- list [options]

Without --silent, npm prints two lines of its own before the header.

${helpLine('--kind <name>', `${shapes.map(({ name }) => name).join(' or ')} (default ${shapes[0]!.name}, or what the next options are of)`)}
${filters.map((name) => helpLine(`--${name} <text>`, `only those with this ${name}`)).join('\n')}
  --problems           only those that get no answer
  --details            adds the columns class, version, observedAt and problem
  --quiet              does not tell how many were listed
  --help               this text

${STACK_HELP}
Exit codes: 0 all printed, 1 failed, 2 wrong usage.
`,
    remove: `Takes watches off the list. Their versions are kept and go on when they are put on it again.

${usages('remove')}

${SELECTION}
  --yes                does not ask; needed for a pipe, and where nobody can be asked
  --dry-run            only checks the file and writes nothing
  --rejects <file>     a new CSV file for the lines that are not taken
  --from-line <n>      goes on at this line of the file, after a removal that was stopped
  --quiet              shows no progress
  --help               this text

${STACK_HELP}
${EXIT_CODES_HELP}`,
    'check-now': `Has watches checked now: behind the two minutes or so that are planned already, ahead of the rest of their lap.

${usages('check-now')}

${SELECTION}
  --request-id <id>    names the request: the same watches under the same name within five minutes are checked once
                       (default: a random one, which is printed)
  --rejects <file>     a new CSV file for the lines that are not taken
  --quiet              shows no progress
  --help               this text

${STACK_HELP}
Watches that are not on the list are refused, and so is what would keep a bucket busy for more than 8 minutes at its
configured rate. Each request is judged alone: those that wait already add up with it.
${EXIT_CODES_HELP}`,
  };
  return HELP[command];
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const FROM_FILE = { rejects: text };

const OPTIONS = {
  import: { ...STACK_OPTIONS, ...FROM_FILE, 'dry-run': flag, 'from-line': text },
  list: { ...STACK_OPTIONS, kind: text, problems: flag, details: flag },
  remove: { ...STACK_OPTIONS, ...FROM_FILE, 'dry-run': flag, 'from-line': text, yes: flag },
  'check-now': { ...STACK_OPTIONS, ...FROM_FILE, 'request-id': text },
} as const;

/** Names of the options that columns give to a command. */
function columnsFor(command: Command, shapes: readonly KindShape[]): string[] {
  if (command === 'import') return [];
  const names = shapes.flatMap((shape) =>
    command === 'list' ? shape.filters : namingColumns(shape).map(({ name }) => name),
  );
  return [...new Set(names)];
}

/** The arguments of a command, checked; what a command does not know is absent. */
export interface Options extends StackOptions {
  readonly command: Command;
  /** The file to read, `-` for standard input; undefined where the fields name one watch. */
  readonly file: string | undefined;
  /** Fields of the one watch to work on, by column. */
  readonly one: Readonly<Record<string, string>> | undefined;
  readonly rejects: string | undefined;
  readonly fromLine: number;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly requestId: string | undefined;
  readonly kind: string;
  /** Values of columns that listed watches must have. */
  readonly filter: Readonly<Record<string, string>>;
  readonly problems: boolean;
  readonly details: boolean;
}

/**
 * Reads the command line.
 *
 * @returns the options, or the help that was asked for
 * @throws UsageError which says what is allowed
 */
export function readOptions(
  argv: readonly string[],
  shapes: readonly KindShape[] = KIND_SHAPES,
): Options | { readonly help: string } {
  const [name = '', ...args] = argv;
  if (name === '' || name === '--help' || name === '-h' || name === 'help') {
    if (name === '')
      throw new UsageError(`Which command? There are ${COMMANDS.join(', ')}.\n\n${helpOf('all', shapes)}`);
    return { help: helpOf('all', shapes) };
  }
  const command = commandNamed(name, COMMANDS);
  const { values, positionals } = parse(command, args, shapes);
  if (values['help'] === true) return { help: helpOf(command, shapes) };
  const value = (option: string): string | undefined => textOf(values, option);
  const columns = columnsFor(command, shapes).flatMap((column) => {
    const field = value(column);
    return field === undefined ? [] : [[column, field] as const];
  });
  const options: Options = {
    command,
    ...readStackOptions(values, (message) => wrong(command, message)),
    file: callersPath(positionals[0]),
    one: command === 'list' || columns.length === 0 ? undefined : Object.fromEntries(columns),
    rejects: callersPath(value('rejects')),
    fromLine: wholeNumber('--from-line', value('from-line') ?? '1', 1),
    dryRun: values['dry-run'] === true,
    yes: values['yes'] === true,
    requestId: value('request-id'),
    kind: value('kind') ?? kindFilteredBy(columns.map(([column]) => column), shapes), // prettier-ignore
    filter: command === 'list' ? Object.fromEntries(columns) : {},
    problems: values['problems'] === true,
    details: values['details'] === true,
  };
  check(options, positionals, shapes);
  return options;
}

/** The first kind that has all of these filters, or else the first of all. */
function kindFilteredBy(names: readonly string[], shapes: readonly KindShape[]): string {
  return (shapes.find(({ filters }) => names.every((name) => filters.includes(name))) ?? shapes[0]!).name;
}

function parse(command: Command, args: readonly string[], shapes: readonly KindShape[]) {
  const columns = Object.fromEntries(columnsFor(command, shapes).map((name) => [name, text]));
  try {
    const options = { ...columns, ...OPTIONS[command] };
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values: values as OptionValues, positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return wrong(command, message);
  }
}

function wrong(command: Command, message: string): never {
  throw new UsageError(`${message}\nSee npm run watches -- ${command} --help.`);
}

function check(
  { command, file, one, fromLine, requestId, yes, dryRun }: Options,
  given: readonly string[],
  shapes: readonly KindShape[],
): void {
  if (command === 'list') {
    if (given.length > 0) wrong(command, `list takes no file, and "${given.join(' ')}" is given.`);
  } else if (given.length > 1) wrong(command, `One file at a time; given are ${given.join(', ')}.`);
  else if (file === undefined && one === undefined) {
    wrong(
      command,
      command === 'import'
        ? 'Which file? Give its name, or - for standard input.'
        : `Which watches? Give a file, or ${shapes.map((shape) => optionsOf(requiredOf(shape))).join(', or ')}.`,
    );
  } else if (file !== undefined && one !== undefined)
    wrong(command, 'Give either a file or the fields of one watch, not both.');
  else if (one !== undefined) {
    const fits = ({ columns }: KindShape): boolean =>
      Object.keys(one).every((name) => columns.some((column) => column.name === name));
    const shape = shapes.find(fits);
    if (shape === undefined) wrong(command, `${optionsOf(Object.keys(one))} are of different kinds of watches.`);
    else if (requiredOf(shape).some((name) => one[name] === undefined)) {
      wrong(command, `One ${shape.noun} needs ${optionsOf(requiredOf(shape))}. For many: list … | ${command} -`);
    }
  }
  if (fromLine > 1 && file === undefined) wrong(command, '--from-line is for files.');
  if (command === 'remove' && file === '-' && !yes && !dryRun) {
    wrong(
      command,
      'Nobody can be asked while standard input is the file: add --yes, or --dry-run to only check the file.',
    );
  }
  if (requestId !== undefined && !/^[A-Za-z0-9._-]{1,64}$/u.test(requestId)) {
    wrong(
      command,
      `--request-id is "${requestId}"; it may hold 1 to 64 letters, digits, points, hyphens and underscores.`,
    );
  }
}

/** The command line that goes on at a line, to be typed into a shell. */
export function goOnCommand(argv: readonly string[], fromLine: number): string {
  return npmCommand('watches', [...without(argv, '--from-line'), '--from-line', String(fromLine)]);
}

/** The command line that sends a request again: its rejects are written already. */
export function repeatCommand(argv: readonly string[], requestId: string): string {
  return npmCommand('watches', [...without(without(argv, '--request-id'), '--rejects'), '--request-id', requestId]);
}

function without(argv: readonly string[], option: string): string[] {
  return argv.filter(
    (argument, index) => argument !== option && argv[index - 1] !== option && !argument.startsWith(`${option}=`),
  );
}

function optionsOf(names: readonly string[]): string {
  return names.map((name) => `--${name}`).join(' and ');
}
