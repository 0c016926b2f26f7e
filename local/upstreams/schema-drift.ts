import { isExactNumber } from './exact-number.ts';
import type { AnswerFault } from './fault-rules.ts';

export type Drift = Extract<AnswerFault, { kind: 'drift' }>;

/** Which fields of an API's answer drift when a rule does not say. */
export interface DriftDefaults {
  enumField: string;
  mandatoryField: string;
  typedField: string;
}

/** A copy of a JSON answer in which the upstream has changed its schema without notice. */
export function drifted(answer: unknown, drift: Drift, defaults: DriftDefaults): unknown {
  switch (drift.how) {
    case 'unknown-enum-value': {
      const value = drift.value ?? 'Not-Yet-Documented';
      // Null stays null: it is the absence of a value, not a value of the enumeration.
      return replaceField(answer, drift.field ?? defaults.enumField, (old) => [old === null ? old : value]);
    }
    case 'missing-field':
      return replaceField(answer, drift.field ?? defaults.mandatoryField, () => []);
    case 'wrong-type':
      return replaceField(answer, drift.field ?? defaults.typedField, (old) => [drift.value ?? otherType(old)]);
    case 'unknown-field':
      return addField(answer, drift.field ?? 'IntroducedLater', drift.value ?? { since: 'today' });
  }
}

/** Replaces every field of the given name; an empty list removes it. Blanks in names do not count. */
function replaceField(node: unknown, name: string, replace: (old: unknown) => [unknown] | []): unknown {
  return mapObjects(node, (object) => {
    const entries = Object.entries(object).flatMap(([key, value]) => {
      if (key.replaceAll(' ', '') !== name.replaceAll(' ', '')) return [[key, value] as const];
      return replace(value).map((replacement) => [key, replacement] as const);
    });
    return Object.fromEntries(entries);
  });
}

function addField(node: unknown, name: string, value: unknown): unknown {
  return mapObjects(node, (object) => ({ ...object, [name]: value }));
}

function mapObjects(node: unknown, change: (object: Record<string, unknown>) => Record<string, unknown>): unknown {
  if (Array.isArray(node)) return node.map((item) => mapObjects(item, change));
  if (typeof node !== 'object' || node === null || isExactNumber(node)) return node;
  const inner = Object.entries(node).map(([key, value]) => [key, mapObjects(value, change)] as const);
  return change(Object.fromEntries(inner));
}

function otherType(value: unknown): unknown {
  return typeof value === 'string' ? { unexpected: value } : 'unexpected';
}
