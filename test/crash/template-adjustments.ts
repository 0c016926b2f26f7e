import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAssembly } from '../../local/cloud/assembly.ts';
import { endsIn } from './stack-messages.ts';

/** A property of the template that is another one for a run. */
export interface TemplateAdjustment {
  /** End of the resource's construct path, such as `TitleChecks/Queues/Slices`. */
  readonly constructPath: string;
  /** Such as `VisibilityTimeout`. */
  readonly property: string;
  readonly from: number | string;
  readonly to: number | string;
}

/**
 * Adjusts a synthesised template, which is the harness's own copy.
 *
 * @returns what has been adjusted, as sentences
 * @throws Error when a property does not have the value that it is to have: then the stack has changed, and the
 *   adjustment has to be thought over
 */
export function adjustTemplate(assemblyFolder: string, adjustments: readonly TemplateAdjustment[]): string[] {
  const assembly = readAssembly(assemblyFolder);
  const manifest = readJson(join(assemblyFolder, 'manifest.json')) as {
    artifacts: Record<string, { type: string; properties?: { templateFile?: string } }>;
  };
  const stack = Object.values(manifest.artifacts).find(({ type }) => type === 'aws:cloudformation:stack');
  const file = join(assemblyFolder, stack?.properties?.templateFile ?? '');
  const template = readJson(file) as { Resources: Record<string, { Properties?: Record<string, unknown> }> };
  const told = adjustments.map(({ constructPath, property, from, to }) => {
    const ids = Object.keys(template.Resources).filter((id) => endsIn(assembly.constructPath(id) ?? '', constructPath));
    const [id = ''] = ids;
    const properties = template.Resources[id]?.Properties;
    if (ids.length !== 1 || properties?.[property] !== from) {
      throw new Error(`the template has no ${property} ${from} at ${constructPath}`);
    }
    properties[property] = to;
    return `${property} of ${constructPath} is ${to} in place of ${from}`;
  });
  writeFileSync(file, JSON.stringify(template, null, 1));
  return told;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
