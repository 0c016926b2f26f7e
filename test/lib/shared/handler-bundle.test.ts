import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { loadSettings } from '../../../config/settings.ts';
import { bundleHandler } from '../../../lib/shared/handler-bundle.ts';
import { defineStage, resourcesOf, testApp, withoutHash } from '../synthesis.ts';

interface ShippedFunction {
  readonly id: string;
  readonly folder: string;
  readonly variables: string[];
}

const settings = loadSettings('local');
const FunctionProperties = z.object({
  Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }),
  Code: z.object({ S3Key: z.string() }),
});

let functions: ShippedFunction[];

beforeAll(() => {
  const app = testApp({ bundling: true });
  const template = Template.fromStack(defineStage(app, settings));
  functions = [...resourcesOf(template, 'AWS::Lambda::Function')].map(([id, resource]) => {
    const { Code, Environment } = FunctionProperties.parse(resource.Properties);
    return {
      id,
      folder: join(app.outdir, `asset.${Code.S3Key.replace('.zip', '')}`),
      variables: Object.keys(Environment.Variables).sort(),
    };
  });
}, 120_000);

/** Starts a bundle as Lambda would, in a process that has the function's variables only, and evaluates an expression. */
function startAndPrint({ folder, variables }: ShippedFunction, expression: string): unknown {
  const environment = {
    ...Object.fromEntries(variables.map((name) => [name, 'https://example.com/any'])),
    ...(variables.includes('PARTNERS') && { PARTNERS: 'example=AROAEXAMPLE/examplekey' }),
  };
  // Node would show the line of the error, which is the whole bundle: more than a pipe takes at once.
  const started = `await import('./index.mjs').catch(({ message }) => { console.error(message); process.exit(1); })`;
  const script = `const bundle = ${started}; console.log(JSON.stringify(${expression}));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: folder,
    env: { ...environment, AWS_REGION: 'eu-west-1' },
    encoding: 'utf8',
    stdio: 'pipe',
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? 'null');
}

describe('bundles', () => {
  test('start with exactly the environment that the template gives them', () => {
    for (const shipped of functions) {
      const answer = startAndPrint(shipped, '[Object.keys(bundle.Environment.shape).sort(), typeof bundle.handler]');
      expect([shipped.id, answer]).toEqual([shipped.id, [shipped.variables, 'function']]);
    }
  });

  test('do not start when a variable is missing', () => {
    for (const shipped of functions) {
      const short = { ...shipped, variables: shipped.variables.slice(1) };
      expect(() => startAndPrint(short, 'true')).toThrow(shipped.variables[0]);
    }
  });

  test('carry the runtime settings of their stage', () => {
    for (const { folder } of functions) {
      expect(JSON.parse(readFileSync(join(folder, 'settings.json'), 'utf8'))).toEqual(settings.runtime);
    }
  });

  test('carry the API document where they serve it, and only there', () => {
    const documented = functions.filter(({ folder }) => existsSync(join(folder, 'openapi.json')));
    expect(documented.map(({ id }) => withoutHash(id))).toEqual(['PartnerApiFunctionsDescribeServiceFunction']);
    expect(readFileSync(join(documented[0]?.folder ?? '', 'openapi.json'), 'utf8')).toBe(
      readFileSync(join(import.meta.dirname, '../../../docs/openapi.json'), 'utf8'),
    );
  });

  test('stay small, and say nothing about the machine that made them', () => {
    for (const { id, folder } of functions) {
      const bundle = readFileSync(join(folder, 'index.mjs'), 'utf8');
      expect(Buffer.byteLength(bundle), id).toBeLessThanOrEqual(400_000);
      expect(bundle, id).not.toContain(process.cwd());
    }
  });

  test('keep the names of our own errors', () => {
    const bundle = bundleHandler('offer-status/check-titles');
    for (const name of ['ThrottledError', 'CredentialError', 'UnreadableAnswerError']) {
      expect(bundle).toContain(`"${name}"`);
    }
  });
});
