import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as z from 'zod';

const Resource = z.looseObject({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).optional(),
  DependsOn: z.union([z.string(), z.array(z.string())]).optional(),
  Condition: z.string().optional(),
  Metadata: z.record(z.string(), z.unknown()).optional(),
});

const Template = z.looseObject({
  Parameters: z.record(z.string(), z.looseObject({ Type: z.string(), Default: z.unknown() })).optional(),
  Mappings: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.unknown()))).optional(),
  Conditions: z.record(z.string(), z.unknown()).optional(),
  Resources: z.record(z.string(), Resource),
  Outputs: z.record(z.string(), z.looseObject({ Value: z.unknown(), Condition: z.string().optional() })).optional(),
});
export type Template = z.infer<typeof Template>;

const MetadataEntries = z.record(z.string(), z.array(z.looseObject({ type: z.string(), data: z.unknown() })));

const Manifest = z.looseObject({
  artifacts: z.record(
    z.string(),
    z.looseObject({
      type: z.string(),
      properties: z.looseObject({ templateFile: z.string().optional(), stackName: z.string().optional() }).optional(),
      metadata: MetadataEntries.optional(),
      additionalMetadataFile: z.string().optional(),
    }),
  ),
});

const AssetManifest = z.looseObject({
  files: z
    .record(
      z.string(),
      z.looseObject({ source: z.looseObject({ path: z.string().optional(), packaging: z.string().optional() }) }),
    )
    .optional(),
});

/** One stack of a synthesised CDK cloud assembly. */
export interface Assembly {
  stackName: string;
  template: Template;
  /** The construct path of a logical id, e.g. `Stack/OfferStatus/Watches/Resource`, when the assembly records it. */
  constructPath(logicalId: string): string | undefined;
  /** The absolute path of the file asset with this source hash, when the assembly has it. */
  assetPath(hash: string): string | undefined;
}

/**
 * Reads a cloud assembly (`cdk.out`). With several stacks in it, `stack` says which one: its artifact id or stack name.
 */
export function readAssembly(directory: string, stack?: string): Assembly {
  const root = resolve(directory);
  if (!existsSync(join(root, 'manifest.json'))) {
    throw new Error(`No cloud assembly in ${root}: there is no manifest.json. Synthesise the app first.`);
  }
  const manifest = readJson(join(root, 'manifest.json'), Manifest);
  const stacks = Object.entries(manifest.artifacts).filter(
    ([, artifact]) => artifact.type === 'aws:cloudformation:stack',
  );
  const names = stacks.map(([id]) => id).join(', ');
  const chosen = stack
    ? stacks.filter(([id, artifact]) => id === stack || artifact.properties?.stackName === stack)
    : stacks;
  if (chosen.length !== 1) {
    throw new Error(
      stack
        ? `The cloud assembly ${root} has no stack ${stack}; it has: ${names || 'none'}.`
        : `The cloud assembly ${root} has ${stacks.length} stacks (${names || 'none'}); name the one to run.`,
    );
  }
  const [id, artifact] = chosen[0]!;
  const templateFile = artifact.properties?.templateFile ?? `${id}.template.json`;
  const template = readJson(join(root, templateFile), Template);

  const metadata = { ...artifact.metadata };
  if (artifact.additionalMetadataFile) {
    Object.assign(metadata, readJson(join(root, artifact.additionalMetadataFile), MetadataEntries));
  }
  const paths = new Map<string, string>();
  for (const [path, entries] of Object.entries(metadata)) {
    for (const entry of entries) {
      if (entry.type === 'aws:cdk:logicalId' && typeof entry.data === 'string') {
        paths.set(entry.data, path.replace(/^\//, ''));
      }
    }
  }

  const assetsFile = join(root, `${id}.assets.json`);
  const files = existsSync(assetsFile) ? (readJson(assetsFile, AssetManifest).files ?? {}) : {};

  return {
    stackName: artifact.properties?.stackName ?? id,
    template,
    constructPath(logicalId) {
      const fromTemplate = template.Resources[logicalId]?.Metadata?.['aws:cdk:path'];
      return typeof fromTemplate === 'string' ? fromTemplate : paths.get(logicalId);
    },
    assetPath(hash) {
      const path = files[hash]?.source.path;
      return path === undefined ? undefined : resolve(root, path);
    },
  };
}

function readJson<T>(file: string, schema: z.ZodType<T>): T {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const result = schema.safeParse(content);
  if (!result.success) throw new Error(`${file} is not what a cloud assembly holds: ${z.prettifyError(result.error)}`);
  return result.data;
}
