import { join, resolve } from 'node:path';
import { ESLint, Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, test } from 'vitest';
import { offerRelayPlugin } from '../../config/lint/offer-relay-plugin.ts';

const project = resolve(import.meta.dirname, '../..');
const rules = Object.keys(offerRelayPlugin.rules ?? {}).map((name) => `offer-relay/${name}`);
const linter = new Linter({ cwd: project });

/** What the project's own rules say about a file with this path and content. */
function complaints(file: string, code: string): string[] {
  const messages = linter.verify(
    code,
    [
      {
        files: ['**/*.{ts,mts,js,mjs}'],
        languageOptions: { parser: tseslint.parser },
        plugins: { 'offer-relay': offerRelayPlugin },
        rules: Object.fromEntries(rules.map((rule) => [rule, 'error'])),
      },
    ],
    { filename: join(project, file) },
  );
  return messages.map(({ message }) => message);
}

describe('import walls', () => {
  test.each([
    ['functions know no CDK', 'lambdas/shared/a.ts', `import { Stack } from 'aws-cdk-lib';`, /no CDK/],
    ['nor a part of it', 'lambdas/offer-status/a.ts', `import type { Queue } from 'aws-cdk-lib/aws-sqs';`, /no CDK/],
    ['nor constructs', 'lambdas/offer-status/a.ts', `import { Construct } from 'constructs';`, /no CDK/],
    ['nor lib', 'lambdas/offer-status/a.ts', `import { a } from '../../lib/a.ts';`, /outside lambdas/],
    ['nor config', 'lambdas/shared/a.ts', `import type { S } from '../../config/settings.ts';`, /outside lambdas/],
    ['nor local', 'lambdas/shared/a.mjs', `export * from '../../local/a.mjs';`, /outside lambdas/],
    ['the simulator knows no CDK', 'local/upstreams/a.ts', `import { App } from 'aws-cdk-lib';`, /no CDK/],
    ['nor lambdas', 'local/upstreams/a.ts', `import type { O } from '../../lambdas/shared/a.ts';`, /own misreading/],
    ['nor config', 'local/upstreams/b/a.ts', `import { s } from '../../../config/settings.ts';`, /own misreading/],
    ['nor lib', 'local/upstreams/a.mjs', `await import('../../lib/a.ts');`, /own misreading/],
    [
      'bin knows no lambdas',
      'bin/a.ts',
      `import type { E } from '../lambdas/shared/a.ts';`,
      /bin imports lib and config/,
    ],
    ['lib knows no bin', 'lib/a.ts', `import { a } from '../bin/offer-relay.ts';`, /lib imports lib, config/],
    ['lib knows no local', 'lib/a.ts', `import { a } from '../local/a.ts';`, /lib imports lib, config/],
    ['lib takes types of lambdas only', 'lib/a.ts', `import { a } from '../lambdas/shared/a.ts';`, /types only/],
    ['an inline type is not enough', 'lib/a.ts', `import { type a } from '../lambdas/shared/a.ts';`, /types only/],
    ['nor a re-export', 'lib/shared/a.ts', `export { a } from '../../lambdas/shared/a.ts';`, /types only/],
    ['config knows no lib', 'config/a.ts', `import type { A } from '../lib/a.ts';`, /config imports config and/],
    [
      'config runs two files of lambdas only',
      'config/a.ts',
      `import { a } from '../lambdas/shared/a.ts';`,
      /config imports/,
    ],
    ['shared knows no room', 'lambdas/shared/a.ts', `import type { O } from '../offer-status/offers.ts';`, /no room/],
    ['not even the open one', 'lambdas/shared/laps/a.ts', `import { c } from '../../change-events/c.ts';`, /no room/],
    [
      'rooms do not know one another',
      'lambdas/pricing/a.ts',
      `import { o } from '../offer-status/o.ts';`,
      /a room imports itself/,
    ],
    [
      'change events know no other room',
      'lambdas/change-events/a.ts',
      `import type { O } from '../offer-status/o.ts';`,
      /a room/,
    ],
    [
      'domain code knows no SDK',
      'lambdas/offer-status/a.ts',
      `import { SQSClient } from '@aws-sdk/client-sqs';`,
      /no SDK/,
    ],
    ['nor its parts', 'lambdas/offer-status/a.ts', `import { S } from '@smithy/signature-v4';`, /no SDK/],
    ['nor Powertools', 'lambdas/change-events/a.ts', `import { L } from '@aws-lambda-powertools/logger';`, /no SDK/],
    ['nor a client', 'lambdas/offer-status/a.ts', `import { c } from './offer-status.client.ts';`, /as arguments/],
    [
      'nor a store, wherever it lies',
      'lambdas/offer-status/a.ts',
      `import { s } from '../shared/watches.store.ts';`,
      /as arguments/,
    ],
    ['nor a store that is required', 'lambdas/offer-status/a.mjs', `require('./a.store.js');`, /as arguments/],
    [
      'nobody runs a handler',
      'lambdas/offer-status/a.ts',
      `import { h } from './plan-checks.handler.ts';`,
      /nobody imports its values/,
    ],
    [
      'no test either',
      'test/a.test.ts',
      `import { h } from '../lambdas/offer-status/plan-checks.handler.ts';`,
      /nobody/,
    ],
    ['nor a bench', 'bench/a.mjs', `await import('../lambdas/offer-status/plan-checks.handler.ts');`, /nobody/],
  ])('%s', (_, file, code, expected) => {
    expect(complaints(file, code)).toEqual([expect.stringMatching(expected)]);
  });

  test.each([
    ['bin/a.ts', `import { S } from '../lib/offer-relay-stack.ts'; import { l } from '../config/settings.ts';`],
    ['lib/a.ts', `import type { Environment } from '../lambdas/offer-status/plan-checks.handler.ts';`],
    ['lib/a.ts', `import { App } from 'aws-cdk-lib'; import { s } from '../config/settings.ts';`],
    [
      'config/a.ts',
      `import { R } from '../lambdas/shared/settings.ts'; import { e } from '../lambdas/offer-status/offer-event-schemas.ts';`,
    ],
    [
      'lambdas/offer-status/a.ts',
      `import { c } from '../shared/clock.ts'; import { e } from '../change-events/change-event.ts';`,
    ],
    [
      'lambdas/offer-status/a.ts',
      `import type { S } from '../shared/watches.store.ts'; import type { X } from '@aws-sdk/client-sqs';`,
    ],
    ['lambdas/offer-status/a.client.ts', `import { S } from '@aws-sdk/client-sqs';`],
    ['lambdas/offer-status/a.store.ts', `import { s } from '../shared/watches.store.ts';`],
    [
      'lambdas/offer-status/a.handler.ts',
      `import { c } from './a.client.ts'; import { s } from '../shared/watches.store.ts';`,
    ],
    ['lambdas/shared/a.ts', `import { S } from '@aws-sdk/client-sqs'; import { readFileSync } from 'node:fs';`],
    ['local/upstreams/a.ts', `import { b } from './b.ts'; import { createServer } from 'node:https';`],
    [
      'test/a.test.ts',
      `import { c } from '../lambdas/shared/clock.ts'; type H = import('../lambdas/a/b.handler.ts').Environment;`,
    ],
  ])('leave the rest alone: %s', (file, code) => {
    expect(complaints(file, code)).toEqual([]);
  });
});

describe('process.env', () => {
  test.each([
    ['lambdas/offer-status/a.ts', 'export const a = process.env.A;'],
    ['lambdas/shared/a.mjs', `export const a = process['env'];`],
    ['lambdas/shared/a.ts', 'export const { env } = process;'],
    ['lambdas/shared/a.ts', `import { env } from 'node:process'; export const a = env;`],
    ['lib/a.ts', 'export const a = process.env.A;'],
    ['config/a.ts', 'export const a = process.env.A;'],
  ])('is not read in %s', (file, code) => {
    expect(complaints(file, code)).toEqual([expect.stringMatching(/only handlers and bin read process\.env/)]);
  });

  test.each(['lambdas/offer-status/a.handler.ts', 'bin/a.ts', 'local/start.ts', 'test/a.test.ts'])(
    'may be read in %s',
    (file) => expect(complaints(file, 'export const a = process.env.A;')).toEqual([]),
  );
});

describe('zod', () => {
  test.each([
    ['config/a.ts', `import { z } from 'zod';`],
    ['local/a.ts', `import z from 'zod';`],
    ['test/a.test.ts', `import { string } from 'zod/v4';`],
    ['test/a.test.ts', `import { z } from 'zod/mini';`],
    ['lambdas/shared/a.ts', `import { z } from 'zod/mini';`],
    ['lambdas/shared/a.ts', `import z, * as all from 'zod/mini';`],
  ])('is not imported by name: in %s, %s', (file, code) => {
    expect(complaints(file, code)).toEqual([expect.stringMatching(/import \* as z .* every locale/)]);
  });

  test.each([
    `import * as z from 'zod';`,
    `import { z } from 'zod';`,
    `import 'zod';`,
    `import * as z from 'zod/v4';`,
    `import * as z from 'zod/v4/core';`,
    `import * as z from 'zod/mini/deeper';`,
    `import type * as z from 'zod';`,
    `export * from 'zod';`,
    `export { string } from 'zod';`,
    `await import('zod');`,
    `type Schema = import('zod').ZodType;`,
  ])('is not the classic one in functions: %s', (code) => {
    expect(complaints('lambdas/shared/a.ts', code)).toEqual([expect.stringMatching(/'zod\/mini'`: .* classic zod/)]);
  });

  test.each([
    ['config/a.ts', `import * as z from 'zod';`],
    ['test/a.test.ts', `import * as z from 'zod/mini';`],
    ['lambdas/shared/a.ts', `import * as z from 'zod/mini';`],
    ['lambdas/shared/a.ts', `import type * as z from 'zod/mini';`],
    ['lambdas/shared/a.ts', `import * as zodiac from 'zodiac';`],
  ])('is imported as a namespace: in %s, %s', (file, code) => {
    expect(complaints(file, code)).toEqual([]);
  });
});

describe('file names', () => {
  test.each(['utils.ts', 'string-helpers.ts', 'common.mjs', 'queue-manager.ts', 'util/a.ts'])('are not %s', (name) => {
    expect(complaints(`lambdas/shared/${name}`, '')).toEqual([expect.stringMatching(/says nothing/)]);
  });

  test.each(['offerStatus.ts', 'Offers.ts', 'offer_status.ts'])('are kebab-case, unlike %s', (name) => {
    expect(complaints(`lib/${name}`, '')).toEqual([expect.stringMatching(/kebab-case/)]);
  });

  test.each(['lib/a1.ts', 'lambdas/offer-status/plan-checks.handler.ts', 'test/a.test.ts'])('may be %s', (file) => {
    expect(complaints(file, '')).toEqual([]);
  });
});

test('the rules are switched on wherever code lies', async () => {
  const eslint = new ESLint({ cwd: project });
  for (const file of [
    'bin/a.ts',
    'lib/a.ts',
    'lambdas/shared/a.ts',
    'local/require-node.mjs',
    'test/a.test.ts',
    'config/a.ts',
  ]) {
    const config = (await eslint.calculateConfigForFile(join(project, file))) as { rules: Record<string, unknown[]> };
    for (const rule of rules) expect([file, rule, config.rules[rule]?.[0]]).toEqual([file, rule, 2]);
  }
});
