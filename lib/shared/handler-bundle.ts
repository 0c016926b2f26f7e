import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync, type BuildOptions } from 'esbuild';
import type { RuntimeSettings } from '../../lambdas/shared/settings.ts';

/** Root of the project. esbuild works there and knows relative paths only: the same sources give the same bundle anywhere. */
const PROJECT = resolve(import.meta.dirname, '../..');

/** Path of a handler below `lambdas/`, without its suffix: room and verb-noun stem. */
export type HandlerPath = `${string}/${string}`;

const COMMON = {
  absWorkingDir: PROJECT,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
} as const satisfies BuildOptions;

/**
 * How a joined handler is bundled with its packages and minified.
 *
 * - `module` before `main`: ESM entry points can be tree-shaken.
 * - `alias`: see `global-process.ts`.
 * - `external`: what the SDK imports on demand only and no function demands. Credentials come from the environment, which
 *   is asked first, and no operation that is used answers with a stream of events. Together a quarter of the bundle.
 * - No source map: shipped and unused it is dead weight, and used it costs a cold start more than it tells.
 */
export const BUNDLE_OPTIONS = {
  ...COMMON,
  mainFields: ['module', 'main'],
  alias: { 'node:process': './lib/shared/global-process.ts' },
  minify: true,
  external: [
    '@aws-sdk/credential-provider-http',
    '@aws-sdk/credential-provider-ini',
    '@aws-sdk/credential-provider-login',
    '@aws-sdk/credential-provider-process',
    '@aws-sdk/credential-provider-sso',
    '@aws-sdk/credential-provider-web-identity',
    '@smithy/credential-provider-imds',
    '@smithy/core/event-streams',
  ],
} as const satisfies BuildOptions;

/**
 * Joins the project's own files of a handler into one module, its packages left out.
 *
 * A step of its own, so that our classes and functions keep their names, which error reports and stack traces show;
 * keeping those of every package as well would add 25 KB to each bundle.
 */
export function joinHandler(handler: HandlerPath): string {
  return build({ ...COMMON, entryPoints: [`lambdas/${handler}.handler.ts`], packages: 'external', keepNames: true });
}

/** A handler as one minified ESM file. Needs no network and no container. */
export function bundleHandler(handler: HandlerPath): string {
  const joined = { contents: joinHandler(handler), resolveDir: PROJECT, sourcefile: `${handler}.mjs` };
  return build({ ...BUNDLE_OPTIONS, stdin: joined });
}

function build(options: BuildOptions): string {
  const [file] = buildSync({ ...options, write: false }).outputFiles;
  if (file === undefined) throw new Error('esbuild wrote nothing');
  return file.text;
}

/**
 * The code of a handler's function. Hashed by what is shipped, so that a change elsewhere deploys nothing.
 *
 * @param files further files beside the bundle: their text by name
 */
export function handlerCode(
  handler: HandlerPath,
  settings: RuntimeSettings,
  files: Readonly<Record<string, string>> = {},
): Code {
  const shipped = { ...files, 'settings.json': `${JSON.stringify(settings, null, 2)}\n` };
  return Code.fromAsset(join(PROJECT, 'lambdas'), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Required by the type and never pulled: the local bundling below returns true or throws.
      image: DockerImage.fromRegistry('scratch'),
      // Tells CDK's asset cache which bundle this is, since all have one source folder.
      environment: { HANDLER: handler, ...shipped },
      local: {
        tryBundle(directory) {
          writeFileSync(join(directory, 'index.mjs'), bundleHandler(handler));
          for (const [name, text] of Object.entries(shipped)) writeFileSync(join(directory, name), text);
          return true;
        },
      },
    },
  });
}
