import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAssembly } from '../../local/cloud/assembly.ts';

/** A duration of the template that a run does not want to wait for. */
export interface ShorterTime {
  /** End of the resource's construct path, such as `TitleChecks/Queues/Slices`. */
  readonly constructPath: string;
  /** A property that the template gives in seconds, such as `VisibilityTimeout`. */
  readonly property: string;
  readonly seconds: number;
}

/**
 * Replaces durations in a synthesised template, which is the harness's own copy.
 *
 * @returns what has been replaced, as sentences
 * @throws Error when a resource or its property is not there, or is not longer: then nothing would be shortened
 */
export function shortenTimes(assemblyFolder: string, times: readonly ShorterTime[]): string[] {
  const assembly = readAssembly(assemblyFolder);
  const manifest = JSON.parse(readFileSync(join(assemblyFolder, 'manifest.json'), 'utf8')) as {
    artifacts: Record<string, { type: string; properties?: { templateFile?: string } }>;
  };
  const stack = Object.values(manifest.artifacts).find(({ type }) => type === 'aws:cloudformation:stack');
  const file = join(assemblyFolder, stack?.properties?.templateFile ?? '');
  const template = JSON.parse(readFileSync(file, 'utf8')) as {
    Resources: Record<string, { Properties?: Record<string, unknown> }>;
  };
  const told = times.map(({ constructPath, property, seconds }) => {
    const ids = Object.keys(template.Resources).filter((id) =>
      `/${assembly.constructPath(id) ?? ''}`.replace(/\/(Resource|Default)$/, '').endsWith(`/${constructPath}`),
    );
    const [id = ''] = ids;
    const properties = template.Resources[id]?.Properties;
    const before = properties?.[property];
    if (ids.length !== 1 || properties === undefined || typeof before !== 'number' || before <= seconds) {
      throw new Error(`the template has no ${property} of more than ${seconds} s at ${constructPath}`);
    }
    properties[property] = seconds;
    return `${property} of ${constructPath}: ${seconds} s in place of ${before} s`;
  });
  writeFileSync(file, JSON.stringify(template, null, 1));
  return told;
}
