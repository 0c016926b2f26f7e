import { readFileSync } from 'node:fs';
import { writeAtomically } from '../pki.ts';
import type { OfferState } from './title-state.ts';

/** Where a title's life stands: what it takes to go on with it in another process. */
export interface SavedTitle {
  readonly today: number;
  readonly step: number;
  readonly at: number;
  readonly known: boolean;
  readonly offers: readonly OfferState[];
  readonly stamps: readonly (readonly [string, number])[];
}

/** Titles by key. Lives of another seed are not gone on with. */
export interface SavedTitles {
  readonly seed: number;
  readonly titles: Readonly<Record<string, SavedTitle>>;
}

/** What was saved last for this seed; nothing where the file is missing or not ours. */
export function loadTitles(file: string, seed: number): SavedTitles['titles'] {
  try {
    // Written by `saveTitles` and by nobody else.
    const saved = JSON.parse(readFileSync(file, 'utf8')) as SavedTitles;
    return saved.seed === seed ? saved.titles : {};
  } catch {
    return {};
  }
}

export async function saveTitles(file: string, saved: SavedTitles): Promise<void> {
  await writeAtomically(file, JSON.stringify(saved), 0o644);
}
