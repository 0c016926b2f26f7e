import { Template } from 'aws-cdk-lib/assertions';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadSettings } from '../../../config/settings.ts';
import { defineStage, functionOf, resourcesOf, templateOf, testApp } from '../synthesis.ts';
import { EVERYTHING, partnerWith, stageWith, withPartners } from './partner-stages.ts';

describe('the partner API', () => {
  test('is not there where there are no partners', () => {
    const template = templateOf('prod');
    expect(Object.keys(loadSettings('prod').runtime.partnerApi.partners)).toEqual([]);
    const types = [...resourcesOf(template).values()].map(({ Type }) => Type);
    expect(types.filter((type) => /^AWS::(?:ApiGateway|WAFv2|SecretsManager|CertificateManager)/.test(type))).toEqual(
      [],
    );
    expect([...resourcesOf(template).keys()].filter((id) => id.includes('PartnerApi'))).toEqual([]);
    expect(JSON.stringify(template.toJSON())).not.toContain('execute-api');
  });

  test('says where it is, and how each partner is let in', () => {
    const template = stageWith({ partners: { shop: partnerWith(), 'till-2': partnerWith() } });
    for (const output of [
      'PartnerApiUrl',
      'RequestsTableName',
      'PartnerShopRoleArn',
      'PartnerShopApiKeyId',
      'PartnerTill2RoleArn',
      'PartnerTill2ApiKeyId',
    ]) {
      template.hasOutput(output, {});
    }
    // CDK's own, whose name holds a hash.
    expect(JSON.stringify(template.findOutputs('*'))).not.toContain('Endpoint');
  });

  test('names the secret that it needs', () => {
    stageWith(EVERYTHING).hasOutput('RequiredSecrets', {
      Value:
        'offer-relay/prod/offer-status/main,offer-relay/prod/pricing/main,team/prime-authority,team/gaming-authority,offer-relay/prod/entitlements/shop,team/merchant',
    });
  });

  test('can have forty partners with everything switched on within the limits of CloudFormation and Lambda', () => {
    const [shop = partnerWith()] = Object.values(EVERYTHING.partners ?? {});
    const names = Array.from({ length: 40 }, (_, index) => `${'partner-'.repeat(4)}number-${index}`.slice(-40));
    const partners = Object.fromEntries(names.map((name) => [name, shop]));
    const app = testApp();
    const stack = defineStage(app, withPartners({ ...EVERYTHING, partners })(loadSettings('prod')));
    const template = Template.fromStack(stack);
    app.synth();

    expect(new Set(names).size).toBe(40);
    expect(statSync(join(app.outdir, stack.templateFile)).size).toBeLessThan(1_000_000);
    expect(resourcesOf(template).size).toBeLessThan(500);
    const { Outputs } = JSON.parse(readFileSync(join(app.outdir, stack.templateFile), 'utf8')) as { Outputs: object };
    expect(Object.keys(Outputs).length).toBeLessThan(200);

    const roleId = 'A'.repeat(21);
    const bindings = names.map((name) => `${name}=${roleId}/${'k'.repeat(10)}`).join(' ');
    for (const name of ['ServeOfferCodes', 'ServeBuyWithPrime', 'EntitlementsServePlayers']) {
      const { PARTNERS: _, ...others } = functionOf(template, `PartnerApiFunctions${name}`)?.variables ?? {};
      expect(Object.keys(others).length).toBeGreaterThan(2);
      // Lambda counts names and values of all variables; a table's name, a queue's URL and a secret's ARN are well below 250
      // characters.
      const rest = Object.keys(others).join('').length + Object.keys(others).length * 250;
      expect([name, 'PARTNERS'.length + bindings.length + rest < 4096]).toEqual([name, true]);
    }
  });
});
