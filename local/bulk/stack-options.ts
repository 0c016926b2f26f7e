import { resolve } from 'node:path';
import { nearest } from '../../config/problems.ts';
import { UsageError } from '../command-line.ts';

/** Which stack a command is about, and how much it tells. */
export interface StackOptions {
  /** Data folder of the local stack. */
  readonly data: string;
  /** Undefined for the local stack. */
  readonly stage: string | undefined;
  readonly region: string | undefined;
  readonly config: string | undefined;
  /** Shows no progress. */
  readonly quiet: boolean;
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

/** What every command takes. */
export const STACK_OPTIONS = {
  data: text,
  stage: text,
  region: text,
  config: text,
  quiet: flag,
  help: { ...flag, short: 'h' },
} as const;

export const STACK_HELP = `Where
  --data <folder>      the local stack that keeps its data there (default .local)
  --stage <name>       the deployed stack OfferRelay-<name>, with the credentials and region of your AWS environment
  --region <region>    its region, in place of AWS_REGION
  --config <folder>    where the stage files are (default: config/ of this project)
`;

export const EXIT_CODES_HELP = `Exit codes: 0 all done, 1 failed or was stopped before the end, 2 wrong usage, 3 done, but lines were not taken.
`;

/** Values of options as `parseArgs` gives them. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

/** The text that was given for an option. */
export function textOf(values: OptionValues, option: string): string | undefined {
  const given = values[option];
  return typeof given === 'string' ? given : undefined;
}

/** A path as it was meant: npm runs everything in the project's folder, and says where it was called. */
export function callersPath(given: string | undefined): string | undefined {
  return given === undefined || given === '-' ? given : resolve(process.env['INIT_CWD'] ?? '', given);
}

/** @param wrong throws what is wrong with the usage */
export function readStackOptions(values: OptionValues, wrong: (message: string) => never): StackOptions {
  const given = textOf(values, 'stage');
  const stage = given === 'local' ? undefined : given;
  const region = textOf(values, 'region');
  if (region !== undefined && stage === undefined) wrong('--region is for a deployed stack: give --stage as well.');
  return {
    data: callersPath(textOf(values, 'data')) ?? resolve('.local'),
    stage,
    region,
    config: callersPath(textOf(values, 'config')),
    quiet: values['quiet'] === true,
  };
}

/** The command of that name. @throws UsageError which says which there are */
export function commandNamed<Command extends string>(name: string, commands: readonly Command[]): Command {
  const command = commands.find((known) => known === name);
  if (command !== undefined) return command;
  const near = nearest(name, commands);
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw new UsageError(`There is no command "${name}".${hint} There are ${commands.join(', ')}.`);
}
