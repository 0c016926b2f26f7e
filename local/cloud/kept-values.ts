import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from './replace-file.ts';

const Kept = z.record(z.string(), z.object({ rule: z.string(), value: z.string() }));

/** Random values that a template asks for, kept in the data directory so that a restart finds the same ones. */
export class KeptValues {
  readonly #file: string;
  readonly #values: Map<string, { rule: string; value: string }>;

  /** @throws Error where the file is there and cannot be read */
  constructor(dataDir: string) {
    this.#file = join(dataDir, 'generated-secrets.json');
    this.#values = new Map(Object.entries(readKept(this.#file)));
  }

  /**
   * The value of this name. It is made anew when there is none, or when what it is made by is another than before, as
   * CloudFormation does.
   */
  get(name: string, rule: unknown, make: () => string): string {
    const text = JSON.stringify(rule);
    const known = this.#values.get(name);
    if (known?.rule === text) return known.value;
    const value = make();
    this.#values.set(name, { rule: text, value });
    // Nobody else on this machine is to read them.
    replaceFile(this.#file, JSON.stringify(Object.fromEntries(this.#values)), 0o600);
    return value;
  }
}

function readKept(file: string): z.infer<typeof Kept> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  let kept: unknown;
  try {
    kept = JSON.parse(text);
  } catch {
    // The parser's own words would quote the secrets.
  }
  const parsed = Kept.safeParse(kept);
  if (parsed.success) return parsed.data;
  throw new Error(
    `${file} is not what the local cloud has written. Restore it, or delete it to have new secrets made.`,
  );
}
