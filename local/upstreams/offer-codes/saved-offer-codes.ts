import { readFileSync } from 'node:fs';
import { writeAtomically } from '../pki.ts';
import type { SavedCode } from './offer-code-ledger.ts';

interface SavedCodes {
  readonly seed: number;
  readonly codes: readonly SavedCode[];
}

/** What was saved last for this seed; nothing where the file is missing or not ours. */
export function loadOfferCodes(file: string, seed: number): readonly SavedCode[] {
  try {
    // Written by `saveOfferCodes` and by nobody else.
    const saved = JSON.parse(readFileSync(file, 'utf8')) as SavedCodes;
    return saved.seed === seed ? saved.codes : [];
  } catch {
    return [];
  }
}

export async function saveOfferCodes(file: string, saved: SavedCodes): Promise<void> {
  await writeAtomically(file, JSON.stringify(saved), 0o600);
}
