import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stagesIn } from '../../config/settings.ts';
import { scratchFolder } from '../lib/scratch-folder.ts';

const project = resolve(import.meta.dirname, '../..');

/** Runs the CDK app as the CLI does, with context from the command line and nothing else in its environment. */
function runApp(context: Record<string, unknown>, environment: Record<string, string> = {}) {
  return spawnSync(process.execPath, ['--import', './local/require-node.mjs', 'bin/offer-relay.ts'], {
    cwd: project,
    env: {
      CDK_OUTDIR: scratchFolder(),
      CDK_CONTEXT_JSON: JSON.stringify({ ...context, 'aws:cdk:bundling-stacks': [] }),
      ...environment,
    },
    encoding: 'utf8',
  });
}

describe('the CDK app', () => {
  test('says which stages there are when none is given, without a stack trace', () => {
    const { status, stderr } = runApp({});
    expect(status).toBe(1);
    expect(stderr.trim()).toBe('No stage is given. Add -c stage=<stage>; the stages are: local, prod.');
  });

  test('says what is wrong with an override, and which one it was', () => {
    const { status, stderr } = runApp({ stage: 'local' }, { OFFER_RELAY_OFFER_STATUS_URL: 'ftp://example.com' });
    expect(status).toBe(1);
    expect(stderr).toContain('environment OFFER_RELAY_OFFER_STATUS_URL: offerStatus.baseUrl is "ftp://example.com"');
    expect(stderr).not.toMatch(/\n\s+at /);
    const codes = runApp({ stage: 'local' }, { OFFER_RELAY_OFFER_CODES_URL: 'nonsense' });
    expect(codes.status).toBe(1);
    expect(codes.stderr).toContain('environment OFFER_RELAY_OFFER_CODES_URL: offerCodes.baseUrl is "nonsense"');
    const gaming = runApp(
      { stage: 'local' },
      { OFFER_RELAY_ENTITLEMENTS_URL: 'nonsense', OFFER_RELAY_PROFILE_URL: 'ftp://example.com' },
    );
    expect(gaming.status).toBe(1);
    expect(gaming.stderr).toContain('environment OFFER_RELAY_ENTITLEMENTS_URL: entitlements.baseUrl is "nonsense"');
    expect(gaming.stderr).toContain(
      'environment OFFER_RELAY_PROFILE_URL: entitlements.profileUrl is "ftp://example.com"',
    );
  });

  test('prefers the context to the environment', () => {
    const { status, stderr } = runApp(
      { stage: 'local', 'offerStatus.baseUrl': 'nonsense' },
      { OFFER_RELAY_OFFER_STATUS_URL: 'https://example.com' },
    );
    expect(status).toBe(1);
    expect(stderr).toContain('context offerStatus.baseUrl: offerStatus.baseUrl is "nonsense"');
  });

  test('takes the environment for the stage local only, and says so', () => {
    const { status, stderr } = runApp({ stage: 'prod' }, { OFFER_RELAY_OFFER_STATUS_URL: 'ftp://example.com' });
    expect([status, stderr.trim()]).toEqual([
      0,
      'OFFER_RELAY_OFFER_STATUS_URL is ignored: it is for the stage local, and this is the stage prod.',
    ]);
  });

  test('takes the context for every stage', () => {
    const { status, stderr } = runApp({ stage: 'prod', 'offerStatus.baseUrl': 'nonsense' });
    expect(status).toBe(1);
    expect(stderr).toContain('context offerStatus.baseUrl: offerStatus.baseUrl is "nonsense"');
  });

  test('means by default a stage that is kept, not the one that is thrown away', () => {
    const { context } = JSON.parse(readFileSync(resolve(project, 'cdk.json'), 'utf8')) as {
      context: { stage: string };
    };
    expect(context.stage).toBe('prod');
    expect(stagesIn()).toContain('prod');
  });
});

describe('an old Node', () => {
  test('is told what to do', () => {
    const script = `Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } });
      await import('./local/require-node.mjs'); console.log('went on');`;
    const run = () =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: project, stdio: 'pipe' });
    expect(run).toThrow(/runs on Node 24 or later, and this is Node 20\.20\.2[^]*npm ci/);
  });
});
