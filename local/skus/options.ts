import { parseArgs } from 'node:util';
import { Sku } from '../../lambdas/shared/settings-schema.ts';
import { npmCommand, quote } from '../bulk/quote.ts';
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
import { UsageError } from '../command-line.ts';
import { FORMATS, type Format } from './list.ts';

const COMMANDS = ['import', 'list', 'remove'] as const;
export type Command = (typeof COMMANDS)[number];

const PARTNER_HELP = `  --partner <name>     whose catalogue; may be left out where only one partner has entitlements`;

const HELP: Readonly<Record<Command | 'all', string>> = {
  all: `The catalogue of a partner: what the players get for each SKU (VendorProductId) that they claim.

Usage: npm run skus -- <command> [options]

  import FILE   puts the SKUs of a CSV file into the catalogue
  list          prints the catalogue
  remove        takes SKUs off the catalogue
  --help        this text, or that of a command

${STACK_HELP}
${EXIT_CODES_HELP}`,
  import: `Puts the SKUs of a CSV file into the catalogue. Only what differs is written, so a file can be imported again.

Usage: npm run skus -- import FILE [options]

  FILE                 the CSV file; - reads standard input
${PARTNER_HELP}
  --dry-run            only tells what would change, and writes nothing
  --replace            also removes what the file does not name: the file is the whole catalogue. Asks first
  --yes                does not ask; needed where nobody can be asked
  --rejects <file>     a new CSV file for the lines that are not taken: mend them there and import it
  --quiet              shows no progress
  --help               this text

${STACK_HELP}
The file is CSV in UTF-8, each line for itself, with a header that names its columns:
  sku                  the SKU, as Amazon names it: up to 200 letters, digits and . _ : -
  item                 the game's own name of the item
  quantity             how many (default 1; 1 of what is unique)
  kind                 stackable, such as coins, or unique, such as a skin
Each line is one item. Lines of one SKU need not stand together. Where one of them is wrong, the SKU is not taken.
The columns line and reason of a rejects file may be there and are not read.

Ctrl-C finishes what is under way; the same command goes on. Paths are meant from the folder where npm was called.
${EXIT_CODES_HELP}`,
  list: `Prints the catalogue in the order of its SKUs.

Usage: npm run --silent skus -- list [options]

Without --silent, npm prints two lines of its own before the header.

${PARTNER_HELP}
  --format <format>    csv, as \`import\` reads it (default), or json, as \`skus\` of the settings
  --quiet              does not tell how many were listed
  --help               this text

${STACK_HELP}
Exit codes: 0 all printed, 1 failed, 2 wrong usage.
`,
  remove: `Takes SKUs off the catalogue. What players have got stays; what they claim from then on waits for the next import.

Usage: npm run skus -- remove SKU… [options]
       npm run skus -- remove --file FILE [options]

  --file <file>        a CSV file with the column sku, such as \`list\` prints; - reads standard input
${PARTNER_HELP}
  --yes                does not ask; needed with --file where nobody can be asked
  --rejects <file>     a new CSV file for the lines that are not taken
  --quiet              shows no progress
  --help               this text

${STACK_HELP}
${EXIT_CODES_HELP}`,
};

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

const OPTIONS = {
  import: { ...STACK_OPTIONS, partner: text, 'dry-run': flag, replace: flag, yes: flag, rejects: text },
  list: { ...STACK_OPTIONS, partner: text, format: text },
  remove: { ...STACK_OPTIONS, partner: text, file: text, yes: flag, rejects: text },
} as const;

/** The arguments of a command, checked; what a command does not know is absent. */
export interface Options extends StackOptions {
  readonly command: Command;
  readonly partner: string | undefined;
  /** The file to read, `-` for standard input. */
  readonly file: string | undefined;
  /** SKUs that are named on the command line, each once. */
  readonly skus: readonly string[];
  readonly rejects: string | undefined;
  readonly dryRun: boolean;
  readonly replace: boolean;
  readonly yes: boolean;
  readonly format: Format;
}

/**
 * Reads the command line.
 *
 * @returns the options, or the help that was asked for
 * @throws UsageError which says what is allowed
 */
export function readOptions(argv: readonly string[]): Options | { readonly help: string } {
  const [name = '', ...args] = argv;
  if (name === '') throw new UsageError(`Which command? There are ${COMMANDS.join(', ')}.\n\n${HELP.all}`);
  if (name === '--help' || name === '-h' || name === 'help') return { help: HELP.all };
  const command = commandNamed(name, COMMANDS);
  const wrong = (message: string): never => {
    throw new UsageError(`${message}\nSee npm run skus -- ${command} --help.`);
  };
  const { values, positionals } = parse(command, args, wrong);
  if (values['help'] === true) return { help: HELP[command] };
  const format = textOf(values, 'format') ?? FORMATS[0];
  const options: Options = {
    command,
    ...readStackOptions(values, wrong),
    partner: textOf(values, 'partner'),
    file: callersPath(command === 'import' ? positionals[0] : textOf(values, 'file')),
    skus: command === 'remove' ? [...new Set(positionals)] : [],
    rejects: callersPath(textOf(values, 'rejects')),
    dryRun: values['dry-run'] === true,
    replace: values['replace'] === true,
    yes: values['yes'] === true,
    format: FORMATS.find((known) => known === format) ?? wrong(`--format is "${format}"; it must be ${FORMATS.join(' or ')}.`), // prettier-ignore
  };
  check(options, positionals, wrong);
  return options;
}

/** The command line, to be typed into a shell again. */
export function sameCommand(argv: readonly string[]): string {
  return npmCommand('skus', argv);
}

function parse(command: Command, args: readonly string[], wrong: (message: string) => never) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS[command], allowPositionals: true });
    return { values: values as OptionValues, positionals };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

function check(
  { command, file, skus, rejects }: Options,
  given: readonly string[],
  wrong: (message: string) => never,
): void {
  if (command === 'list') {
    if (given.length > 0) wrong(`list takes no file, and "${given.join(' ')}" is given.`);
  } else if (command === 'import') {
    if (given.length > 1) wrong(`One file at a time; given are ${given.join(', ')}.`);
    if (file === undefined) wrong('Which file? Give its name, or - for standard input.');
  } else {
    if (file !== undefined && skus.length > 0) wrong('Give either SKUs or a file of them, not both.');
    if (file === undefined && skus.length === 0) wrong('Which SKUs? Name them, or a file of them with --file.');
    if (file === undefined && rejects !== undefined) wrong('--rejects is for files.');
    for (const sku of skus) {
      const parsed = Sku.safeParse(sku);
      if (!parsed.success) wrong(`${quote(sku)} is no SKU; ${parsed.error.issues[0]!.message}.`);
    }
  }
}
