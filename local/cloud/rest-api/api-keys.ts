import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { replaceFile } from '../replace-file.ts';
import type { ApiKeyDefinition } from './definition.ts';

const Values = z.record(z.string(), z.string());

/** The values of API keys: those that the template gives, and those that are made up and kept. */
export class ApiKeys {
  readonly #byValue = new Map<string, ApiKeyDefinition>();
  readonly #values: ReadonlyMap<string, string>;

  /** @param file keeps the values that the template does not give; nobody else may read it */
  constructor(definitions: Iterable<ApiKeyDefinition>, file: string) {
    const kept = readValues(file);
    const made: Record<string, string> = {};
    const values = new Map<string, string>();
    for (const definition of definitions) {
      const { id } = definition;
      const value = definition.value ?? (made[id] = kept[id] ?? randomBytes(20).toString('hex'));
      values.set(id, value);
      this.#byValue.set(value, definition);
    }
    this.#values = values;
    if (JSON.stringify(made) !== JSON.stringify(kept)) replaceFile(file, JSON.stringify(made), 0o600);
  }

  /** The value of a key. */
  valueOf(keyId: string): string | undefined {
    return this.#values.get(keyId);
  }

  /** The enabled key with this value. */
  find(value: string): ApiKeyDefinition | undefined {
    const found = this.#byValue.get(value);
    return found?.enabled ? found : undefined;
  }
}

function readValues(file: string): z.infer<typeof Values> {
  try {
    return Values.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
