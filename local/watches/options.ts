import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { nearest } from '../../config/problems.ts';
import { UsageError } from './errors.ts';

const TARGET = `Where
  --data <folder>      the local stack that keeps its data there (default .local)
  --stage <name>       the deployed stack OfferRelay-<name>, with the credentials and region of your AWS environment
  --region <region>    its region, in place of AWS_REGION
  --config <folder>    where the stage files are (default: config/ of this project)
`;

const SELECTION = `Which
  FILE                 a CSV file of watches; - reads standard input
  --licensor <id>      or one title: its licensor,
  --alid <id>          its ALID
  --marketplace <m>    and its marketplace (default GLOBAL)
`;

const CSV = `The file is CSV in UTF-8 with a header: licensor, marketplace (optional, default GLOBAL), alid. The columns line and
reason of a rejects file, and those of \`list --details\`, may be there and are not read.
`;

const EXIT_CODES = `Exit codes: 0 all done, 1 failed or was stopped before the end, 2 wrong usage, 3 done, but lines were not taken.
`;

export const COMMANDS = ['import', 'list', 'remove', 'check-now'] as const;
export type Command = (typeof COMMANDS)[number];

const HELP: Readonly<Record<Command | 'all', string>> = {
  all: `The watch list of a stack: what is polled.

Usage: npm run watches -- <command> [options]

  import FILE   puts the watches of a CSV file on the list
  list          prints the list as CSV
  remove        takes watches off the list
  check-now     has watches checked now instead of in their lap
  --help        this text, or that of a command

${TARGET}
${EXIT_CODES}`,
  import: `Puts the watches of a CSV file on the list. What is on it already stays as it is, so a file can be imported again.

Usage: npm run watches -- import FILE [options]

  FILE                 the CSV file; - reads standard input
  --dry-run            only checks the file and writes nothing
  --rejects <file>     a new CSV file for the lines that are not taken: mend them there and import it
  --from-line <n>      goes on at this line of the file, after an import that was stopped
  --quiet              shows no progress
  --help               this text

${TARGET}
${CSV}
Ctrl-C finishes what is under way and says how to go on.
${EXIT_CODES}`,
  list: `Prints the watch list as CSV, as \`import\` reads it, in no particular order.

Usage: npm run --silent watches -- list [options]

Without --silent, npm prints two lines of its own before the header.

  --kind <name>        watches of this kind (default title)
  --licensor <id>      only those of this licensor
  --problems           only those that get no answer
  --details            adds the columns class, version, observedAt and problem
  --help               this text

${TARGET}
Exit codes: 0 all printed, 1 failed, 2 wrong usage.
`,
  remove: `Takes watches off the list. Their versions are kept and go on when they are put on it again.

Usage: npm run watches -- remove FILE [options]
       npm run watches -- remove --licensor <id> --alid <id> [--marketplace <m>] [options]

${SELECTION}
  --yes                does not ask; needed where nobody can be asked
  --dry-run            only checks the file and writes nothing
  --rejects <file>     a new CSV file for the lines that are not taken
  --from-line <n>      goes on at this line of the file, after a removal that was stopped
  --quiet              shows no progress
  --help               this text

${TARGET}
${EXIT_CODES}`,
  'check-now': `Has watches checked now: behind the two minutes or so that are planned already, ahead of the rest of their lap.

Usage: npm run watches -- check-now FILE [options]
       npm run watches -- check-now --licensor <id> --alid <id> [--marketplace <m>] [options]

${SELECTION}
  --request-id <id>    names the request: the same watches under the same name within five minutes are checked once
                       (default: a random one, which is printed)
  --rejects <file>     a new CSV file for the lines that are not taken
  --quiet              shows no progress
  --help               this text

${TARGET}
Watches that are not on the list are refused, and so is what would keep a bucket busy for more than 20 minutes.
${EXIT_CODES}`,
};

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const WHERE = { data: text, stage: text, region: text, config: text, help: flag };
const FROM_FILE = { rejects: text, quiet: flag };
const ONE = { licensor: text, marketplace: text, alid: text };

const OPTIONS = {
  import: { ...WHERE, ...FROM_FILE, 'dry-run': flag, 'from-line': text },
  list: { ...WHERE, kind: text, licensor: text, problems: flag, details: flag },
  remove: { ...WHERE, ...FROM_FILE, ...ONE, 'dry-run': flag, 'from-line': text, yes: flag },
  'check-now': { ...WHERE, ...FROM_FILE, ...ONE, 'request-id': text },
} as const;

/** The arguments of a command, checked; what a command does not know is absent. */
export interface Options {
  readonly command: Command;
  readonly data: string;
  /** Undefined for the local stack. */
  readonly stage: string | undefined;
  readonly region: string | undefined;
  readonly config: string | undefined;
  /** The file to read, `-` for standard input; undefined where the fields name one watch. */
  readonly file: string | undefined;
  /** Fields of the one watch to work on, by column. */
  readonly one: Readonly<Record<string, string>> | undefined;
  readonly rejects: string | undefined;
  readonly fromLine: number;
  readonly quiet: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly requestId: string | undefined;
  readonly kind: string;
  readonly licensor: string | undefined;
  readonly problems: boolean;
  readonly details: boolean;
}

/**
 * Reads the command line.
 *
 * @returns the options, or the help that was asked for
 * @throws UsageError which says what is allowed
 */
export function readOptions(argv: readonly string[]): Options | { readonly help: string } {
  const [name = '', ...args] = argv;
  if (name === '' || name === '--help' || name === '-h' || name === 'help') {
    if (name === '') throw new UsageError(`Which command? There are ${COMMANDS.join(', ')}.\n\n${HELP.all}`);
    return { help: HELP.all };
  }
  const command = COMMANDS.find((known) => known === name);
  if (command === undefined) {
    const near = nearest(name, COMMANDS);
    const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
    throw new UsageError(`There is no command "${name}".${hint} There are ${COMMANDS.join(', ')}.`);
  }
  const { values, positionals } = parse(command, args);
  if (values['help'] === true) return { help: HELP[command] };
  const value = (option: string): string | undefined => {
    const given = values[option];
    return typeof given === 'string' ? given : undefined;
  };
  const options: Options = {
    command,
    data: resolve(value('data') ?? '.local'),
    stage: value('stage') === 'local' ? undefined : value('stage'),
    region: value('region'),
    config: value('config'),
    file: positionals[0],
    one: command === 'list' ? undefined : oneWatch(value),
    rejects: value('rejects'),
    fromLine: wholeNumber('--from-line', value('from-line') ?? '1'),
    quiet: values['quiet'] === true,
    dryRun: values['dry-run'] === true,
    yes: values['yes'] === true,
    requestId: value('request-id'),
    kind: value('kind') ?? 'title',
    licensor: value('licensor'),
    problems: values['problems'] === true,
    details: values['details'] === true,
  };
  check(options, positionals);
  return options;
}

function parse(command: Command, args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS[command], allowPositionals: true });
    return { values: values as Readonly<Record<string, string | boolean | undefined>>, positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${message}\nSee npm run watches -- ${command} --help.`);
  }
}

function oneWatch(value: (option: string) => string | undefined): Record<string, string> | undefined {
  const given = Object.keys(ONE).flatMap((name) => {
    const field = value(name);
    return field === undefined ? [] : [[name, field] as const];
  });
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

function check(
  { command, file, one, stage, region, fromLine, requestId, yes, dryRun }: Options,
  given: string[],
): void {
  const wrong = (message: string): never => {
    throw new UsageError(`${message}\nSee npm run watches -- ${command} --help.`);
  };
  if (command === 'list') {
    if (given.length > 0) wrong(`list takes no file, and "${given.join(' ')}" is given.`);
  } else if (given.length > 1) wrong(`One file at a time; given are ${given.join(', ')}.`);
  else if (file === undefined && one === undefined) {
    wrong(
      command === 'import'
        ? 'Which file? Give its name, or - for standard input.'
        : 'Which watches? Give a file, or --licensor and --alid.',
    );
  } else if (file !== undefined && one !== undefined) wrong('Give either a file or one title, not both.');
  else if (one !== undefined && (one['licensor'] === undefined || one['alid'] === undefined)) {
    wrong('One title needs both --licensor and --alid. For all titles of a licensor: list --licensor <id> | … -');
  }
  if (region !== undefined && stage === undefined) wrong('--region is for a deployed stack: give --stage as well.');
  if (fromLine > 1 && file === undefined) wrong('--from-line is for files.');
  if (command === 'remove' && file === '-' && !yes && !dryRun) {
    wrong('Standard input cannot be asked: add --yes, or --dry-run to see what would be removed.');
  }
  if (requestId !== undefined && !/^[A-Za-z0-9._-]{1,64}$/u.test(requestId)) {
    wrong(`--request-id is "${requestId}"; it may hold 1 to 64 letters, digits, points, hyphens and underscores.`);
  }
}

function wholeNumber(name: string, given: string): number {
  const number = Number(given);
  if (/^\d+$/u.test(given) && number >= 1 && Number.isSafeInteger(number)) return number;
  throw new UsageError(`${name} is "${given}"; it must be a whole number from 1 up.`);
}

/** The command line that goes on at a line, to be typed into a shell. */
export function goOnCommand(argv: readonly string[], fromLine: number): string {
  const kept = argv.filter(
    (argument, index) =>
      argument !== '--from-line' && argv[index - 1] !== '--from-line' && !argument.startsWith('--from-line='),
  );
  return ['npm run watches --', ...kept.map(quoted), `--from-line ${fromLine}`].join(' ');
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/u.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
