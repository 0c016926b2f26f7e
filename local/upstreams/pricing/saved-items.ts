import { readFileSync } from 'node:fs';
import { writeAtomically } from '../pki.ts';
import type { ItemState } from './item-state.ts';

/** Where an item's life stands: what it takes to go on with it in another process. */
export type SavedItem = Omit<ItemState, 'event'>;

/** Items by key. Lives of another seed are not gone on with. */
export interface SavedItems {
  readonly seed: number;
  readonly items: Readonly<Record<string, SavedItem>>;
}

/** What was saved last for this seed; nothing where the file is missing or not ours. */
export function loadItems(file: string, seed: number): SavedItems['items'] {
  try {
    // Written by `saveItems` and by nobody else.
    const saved = JSON.parse(readFileSync(file, 'utf8')) as SavedItems;
    return saved.seed === seed ? saved.items : {};
  } catch {
    return {};
  }
}

export async function saveItems(file: string, saved: SavedItems): Promise<void> {
  await writeAtomically(file, JSON.stringify(saved), 0o644);
}
