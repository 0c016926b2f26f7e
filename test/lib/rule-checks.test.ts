import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Stack } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { loadSettings } from '../../config/settings.ts';
import { addRuleChecks } from '../../lib/rule-checks.ts';
import { EVERYTHING, withPartners } from './partner-api/partner-stages.ts';
import { defineStage, testApp } from './synthesis.ts';

const Report = z.object({
  pluginReports: z.array(
    z.object({ pluginName: z.string(), violations: z.array(z.object({ ruleName: z.string() })).default([]) }),
  ),
});

function findings(app: App): string[] {
  const report = readFileSync(join(app.outdir, 'validation-report.json'), 'utf8');
  return Report.parse(JSON.parse(report)).pluginReports.flatMap(({ violations }) =>
    violations.map(({ ruleName }) => ruleName),
  );
}

describe('rule packs', () => {
  test.each(['local', 'prod'])('find nothing in %s that is not acknowledged', (stage) => {
    const app = testApp();
    defineStage(app, loadSettings(stage));
    addRuleChecks(app);

    app.synth();

    expect(findings(app)).toEqual([]);
  });

  test('find nothing in a stage with everything switched on', () => {
    const app = testApp();
    defineStage(app, withPartners(EVERYTHING)(loadSettings('prod')));
    addRuleChecks(app);

    app.synth();

    expect(findings(app)).toEqual([]);
  });

  test('stop the synthesis on a finding that is not acknowledged', () => {
    const app = testApp();
    new Queue(new Stack(app, 'Planted'), 'Unencrypted');
    addRuleChecks(app);

    expect(() => app.synth()).toThrow(/report/);
    expect(findings(app)).toEqual(
      expect.arrayContaining(['AwsSolutions-SQS3', 'AwsSolutions-SQS4', 'Serverless-SQSRedrivePolicy']),
    );
  });
});
