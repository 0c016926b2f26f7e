import { readFileSync } from 'node:fs';
import { writeAtomically } from '../pki.ts';
import type { Order } from './order.ts';

interface SavedOrders {
  readonly seed: number;
  readonly orders: readonly Order[];
}

/** What was saved last for this seed; nothing where the file is missing or not ours. */
export function loadOrders(file: string, seed: number): readonly Order[] {
  try {
    // Written by `saveOrders` and by nobody else.
    const saved = JSON.parse(readFileSync(file, 'utf8')) as SavedOrders;
    if (saved.seed === seed) return saved.orders;
  } catch {
    // As if nothing had been saved.
  }
  return [];
}

export async function saveOrders(file: string, saved: SavedOrders): Promise<void> {
  await writeAtomically(file, JSON.stringify(saved), 0o600);
}
