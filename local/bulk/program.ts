import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SettingsError } from '../../config/problems.ts';
import { loadSettings } from '../../config/settings.ts';
import type { RuntimeSettings } from '../../lambdas/shared/settings.ts';
import { UsageError } from '../command-line.ts';
import { explainAwsError } from './aws-errors.ts';
import { findDeployedTarget } from './deployed-target.ts';
import { InputError, TargetError } from './errors.ts';
import { findLocalTarget } from './local-target.ts';
import { Screen } from './screen.ts';
import { fileProblem } from './source.ts';
import type { StackOptions } from './stack-options.ts';
import type { Target } from './target.ts';

/** What a process ends with; wrong usage ends with 2. */
export const EXIT = { done: 0, failed: 1, rejected: 3 } as const;

/** What a command works with. */
export interface Session<Options> {
  readonly argv: readonly string[];
  readonly options: Options;
  readonly settings: RuntimeSettings;
  readonly screen: Screen;
  /** The stack, looked for when it is first needed. @throws TargetError when it cannot be found */
  readonly target: () => Promise<Target>;
  /** Says what an error means that does not end the command. */
  readonly tellError: (error: unknown) => void;
}

export interface Program<Options> {
  /** @throws UsageError */
  readonly readOptions: (argv: readonly string[]) => Options | { readonly help: string };
  /** Runs a command; returns the exit code. */
  readonly run: (session: Session<Options>) => Promise<number>;
  /** The stack's output that names the table to work on. */
  readonly tableOutput: string;
  /** The document that lists the permissions. */
  readonly manual: string;
}

/** Runs a program on the arguments of the process, tells what goes wrong in words, and sets the exit code. */
export async function runProgram<Options extends StackOptions>(program: Program<Options>): Promise<void> {
  // Whoever reads may go, as `head` does, or a terminal may close; that is no reason to leave the work half done.
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) return;
    console.error(`The output cannot be written: ${fileProblem(error)}.`);
    process.exit(EXIT.failed);
  });
  try {
    process.exitCode = await main(process.argv.slice(2), program);
  } catch (error) {
    console.error(isKnown(error) ? error.message : error);
    process.exitCode = error instanceof UsageError ? 2 : EXIT.failed;
  }
}

async function main<Options extends StackOptions>(argv: readonly string[], program: Program<Options>): Promise<number> {
  const options = program.readOptions(argv);
  if ('help' in options) {
    process.stdout.write(options.help);
    return EXIT.done;
  }
  const { tableOutput, manual } = program;
  const { stage, region, data, config } = options;
  const explain = (error: unknown): string | undefined =>
    isKnown(error) ? error.message : explainAwsError(error, { isLocal: stage === undefined, manual });
  const settings = settingsOf(stage ?? 'local', config);
  let found: Promise<Target> | undefined;
  const find = (): Promise<Target> =>
    stage === undefined
      ? findLocalTarget(data, settings, tableOutput)
      : findDeployedTarget(settings, region, { tableOutput, manual });
  try {
    return await program.run({
      argv,
      options,
      settings,
      screen: new Screen(process.stderr, options),
      target: () => (found ??= find()),
      tellError: (error) => console.error(explain(error) ?? error),
    });
  } catch (error) {
    if (isKnown(error)) throw error;
    const message = explain(error);
    throw message === undefined ? error : new TargetError(message, { cause: error });
  } finally {
    await found?.then(
      (target) => target.close(),
      () => undefined,
    );
  }
}

/** @throws UsageError when there is no such stage, SettingsError when its settings cannot be used */
function settingsOf(stage: string, config: string | undefined): RuntimeSettings {
  try {
    return loadSettings(stage, config === undefined ? {} : { directory: config }).runtime;
  } catch (error) {
    const folder = config ?? join(import.meta.dirname, '../../config');
    if (!(error instanceof SettingsError) || existsSync(join(folder, `${stage}.json`))) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

function isKnown(error: unknown): error is Error {
  return [UsageError, InputError, TargetError, SettingsError].some((kind) => error instanceof kind);
}
