import { readFileSync } from 'node:fs';
import { writeAtomically } from '../pki.ts';
import type { AmazonAccount } from './amazon-accounts.ts';
import type { Claim } from './claim-ledger.ts';

interface SavedClaims {
  readonly seed: number;
  readonly accounts: readonly AmazonAccount[];
  readonly claims: readonly Claim[];
}

/** What was saved last for this seed; nothing where the file is missing or not ours. */
export function loadClaims(file: string, seed: number): Omit<SavedClaims, 'seed'> {
  try {
    // Written by `saveClaims` and by nobody else.
    const saved = JSON.parse(readFileSync(file, 'utf8')) as SavedClaims;
    if (saved.seed === seed) return saved;
  } catch {
    // As if nothing had been saved.
  }
  return { accounts: [], claims: [] };
}

export async function saveClaims(file: string, saved: SavedClaims): Promise<void> {
  await writeAtomically(file, JSON.stringify(saved), 0o600);
}
