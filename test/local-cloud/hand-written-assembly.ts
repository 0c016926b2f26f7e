import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createCloud, type Cloud, type CloudOptions } from '../../local/cloud/cloud.ts';

export type Resources = Record<string, { Type: string; Properties?: Record<string, unknown>; [key: string]: unknown }>;

export interface AssemblyParts {
  resources: Resources;
  /** Source of `index.mjs` by logical id of a function: the function itself is added to the template. */
  functions?: Record<string, { code: string; file?: string; properties?: Record<string, unknown> }>;
  template?: Record<string, unknown>;
  /** Construct paths by logical id. */
  paths?: Record<string, string>;
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'local-cloud-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes a cloud assembly as `cdk synth` would lay it out. */
export function writeAssembly(parts: AssemblyParts, directory: string = temporaryDirectory()): string {
  const resources: Resources = { ...parts.resources };
  const files: Record<string, unknown> = {};
  for (const [logicalId, { code, file, properties }] of Object.entries(parts.functions ?? {})) {
    const hash = `hash${logicalId}`;
    mkdirSync(join(directory, `asset.${hash}`), { recursive: true });
    writeFileSync(join(directory, `asset.${hash}`, file ?? 'index.mjs'), code);
    files[hash] = { source: { path: `asset.${hash}`, packaging: 'zip' } };
    resources[logicalId] = {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Code: { S3Bucket: { 'Fn::Sub': 'assets-${AWS::AccountId}-${AWS::Region}' }, S3Key: `${hash}.zip` },
        Handler: 'index.handler',
        Runtime: 'nodejs24.x',
        Role: 'arn:aws:iam::000000000000:role/any',
        Timeout: 10,
        ...properties,
      },
    };
  }
  const metadata = Object.fromEntries(
    Object.entries(parts.paths ?? {}).map(([logicalId, path]) => [
      `/${path}`,
      [{ type: 'aws:cdk:logicalId', data: logicalId }],
    ]),
  );
  const write = (name: string, content: unknown) => writeFileSync(join(directory, name), JSON.stringify(content));
  write('manifest.json', {
    version: '48.0.0',
    artifacts: {
      'Stack.assets': { type: 'cdk:asset-manifest', properties: { file: 'Stack.assets.json' } },
      Stack: { type: 'aws:cloudformation:stack', properties: { templateFile: 'Stack.template.json' }, metadata },
    },
  });
  write('Stack.assets.json', { version: '48.0.0', files });
  write('Stack.template.json', { Resources: resources, ...parts.template });
  return directory;
}

/**
 * A cloud that is stopped when the test ends. Its retries wait a thousandth of what they would, and nobody is held to
 * permissions unless a test asks for it.
 */
export async function cloudOf(parts: AssemblyParts, options: Partial<CloudOptions> = {}): Promise<Cloud> {
  const cloud = await createCloud({
    assembly: writeAssembly(parts),
    dataDir: temporaryDirectory(),
    enforcement: 'off',
    retryWaitScale: 0.001,
    stopGraceMs: 2000,
    ...options,
  });
  onTestFinished(() => cloud.stop());
  return cloud;
}

/** Code of a function that puts what it is given into an event on the default bus; with `respond`, it decides the answer. */
export function reportingFunction(respond = ''): string {
  return `
    export const handler = async (event, context) => {
      await fetch(process.env.AWS_ENDPOINT_URL, {
        method: 'POST',
        headers: { 'x-amz-target': 'AWSEvents.PutEvents' },
        body: JSON.stringify({ Entries: [{ Source: 'test', DetailType: context.functionName, Detail: JSON.stringify({ event, at: Date.now() }) }] }),
      });
      ${respond}
    };`;
}

/** Collects values and lets a test wait for them. */
export function collector<T>() {
  const items: T[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    items,
    add(item: T) {
      items.push(item);
      for (const waiter of waiting) if (items.length >= waiter.count) waiter.resolve();
    },
    async until(count: number): Promise<T[]> {
      if (items.length < count) await new Promise<void>((resolve) => waiting.push({ count, resolve }));
      return items;
    },
  };
}
