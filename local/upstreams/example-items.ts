import { createRandom, type Random } from './seeded-random.ts';

export interface ExampleItem {
  marketplaceId: string;
  asin: string;
  /** The seller's own name for it; missing for an item that the seller only watches. */
  sku?: string;
  /** An invented name, for people. */
  name: string;
}

/** United States, Canada and Germany. */
export const EXAMPLE_MARKETPLACES = ['ATVPDKIKX0DER', 'A2EUQ1WTGCTBG2', 'A1PA6795UKMFR9'] as const;

const MAKES = ['Alder & Finch', 'Brightwater', 'Copperline', 'Doveridge', 'Eastfold', 'Fernhill', 'Gullwing', 'Hearthstone',
  'Ironbark', 'Juniper Lane', 'Kestrel', 'Lowmoor', 'Marlowe', 'Nordvik', 'Oakhurst', 'Pinnacle Bay']; // prettier-ignore
const MATERIALS = ['Bamboo', 'Brass', 'Canvas', 'Ceramic', 'Cork', 'Enamel', 'Glass', 'Leather', 'Linen', 'Oak', 'Slate',
  'Stainless Steel', 'Walnut', 'Wool']; // prettier-ignore
const THINGS = ['Bread Knife', 'Camp Stool', 'Coffee Dripper', 'Desk Lamp', 'Door Stop', 'Garden Trowel', 'Hand Towel',
  'Key Hook', 'Lunch Box', 'Measuring Cup', 'Notebook', 'Pencil Case', 'Picture Frame', 'Plant Pot', 'Serving Tray',
  'Storage Basket', 'Tea Kettle', 'Tool Roll', 'Wall Clock', 'Water Bottle']; // prettier-ignore
const SIZES = ['Set of 2', 'Set of 6', 'Small', 'Large', '0.5 l', '1.2 l', '30 cm', '12 oz'];
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/**
 * An example catalogue: products, each in every marketplace, with the kinds of SKU that sellers make up. Many hold blanks,
 * slashes, quotes or per cent signs, so a client that encodes carelessly fails at once. Deterministic, and a longer
 * catalogue begins with the shorter one.
 *
 * @param count items, that is products times marketplaces
 * @param marketplaceIds where each product is sold
 */
export function exampleItems(
  count = 120,
  seed = 1,
  marketplaceIds: readonly string[] = EXAMPLE_MARKETPLACES,
): ExampleItem[] {
  const random = createRandom(seed, 'items');
  const items: ExampleItem[] = [];
  for (let number = 1; items.length < count; number += 1) {
    const name = `${random.pick(MAKES)} ${random.pick(MATERIALS)} ${random.pick(THINGS)}, ${random.pick(SIZES)}`;
    const asin = newAsin(number, random);
    const sku = random.chance(0.85) ? newSku(number, random) : undefined;
    const product = { asin, ...(sku !== undefined && { sku }), name };
    for (const marketplaceId of marketplaceIds.slice(0, count - items.length))
      items.push({ marketplaceId, ...product });
  }
  return items;
}

/** The running number makes every ASIN distinct whatever the dice say. Books have their ISBN for one. */
function newAsin(number: number, random: Random): string {
  if (random.chance(0.06)) return `1${String(number).padStart(8, '0')}${random.pick(['X', '3', '8'])}`;
  const letters = Array.from({ length: 4 }, () => LETTERS[random.integer(0, 35)]).join('');
  return `B0${letters}${number.toString(36).toUpperCase().padStart(4, '0')}`;
}

function newSku(number: number, random: Random): string {
  const id = String(number).padStart(4, '0');
  const plain = `OR-${id}-${random.pick(['BLK', 'WHT', 'GRN', 'NAT'])}`;
  const forms = [
    `Shelf ${random.integer(1, 40)} / ${id}`,
    `A+B ${id}`,
    `50%25-OFF_${id}`,
    `7/8" ${id}`,
    `O'Hara & Söhne #${id}`,
    `größe-m?${id}`,
    `茶壺-${id}`,
    `(old) ${id}; see=new`,
  ];
  return random.chance(0.5) ? plain : random.pick(forms);
}
